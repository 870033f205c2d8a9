# SPDX-License-Identifier: MIT
# Processes and programs. Each directory of user/ is one process and goes to the
# initrd; each of user/apps/ is one program and goes to the disk image as /bin/NAME.

user_cc := $(CROSS)gcc
user_flags := $(common_flags) $(optimise) $(warnings) --specs=picolibc.specs -mcmodel=medany -fno-pic \
    -fno-common -fno-omit-frame-pointer -ffunction-sections -fdata-sections
$(eval $(call compile,obj-user,$(user_cc),$(user_flags)))

# Processes of the initrd, and what they have of the libraries, do not touch floating point registers, so that
# calls need not save any for them; but for those named here.
floating_processes :=
integer_abi := -march=rv64imac -mabi=lp64
$(eval $(call compile,obj-integer,$(user_cc),$(user_flags) -march=rv64imac_zicsr_zifencei -mabi=lp64))

# net is built with lwIP, httpd with picohttpparser (mk/sources.mk): objects and headers of their own.
lwip_parts := core/def core/dns core/inet_chksum core/init core/ip core/mem core/memp core/netif core/pbuf \
    core/raw core/stats core/tcp core/tcp_in core/tcp_out core/udp \
    core/ipv4/dhcp core/ipv4/etharp core/ipv4/icmp core/ipv4/ip4 core/ipv4/ip4_addr core/ipv4/ip4_frag \
    core/ipv6/ethip6 core/ipv6/icmp6 core/ipv6/inet6 core/ipv6/ip6 core/ipv6/ip6_addr core/ipv6/ip6_frag \
    core/ipv6/mld6 core/ipv6/nd6 netif/ethernet
extra_net := $(lwip_parts:%=build/sources/lwip/src/%.c)
objects_of_net := obj-net
$(eval $(call compile,obj-net,$(user_cc),$(user_flags) -march=rv64imac_zicsr_zifencei -mabi=lp64 \
    -Ibuild/sources/lwip/src/include -Iuser/net/port))

extra_httpd := build/sources/picohttpparser/picohttpparser.c
objects_of_httpd := obj-httpd
$(eval $(call compile,obj-httpd,$(user_cc),$(user_flags) -march=rv64imac_zicsr_zifencei -mabi=lp64 \
    -Ibuild/sources/picohttpparser))

user_sources := $(filter user/%,$(sources))
processes := $(sort $(foreach s,$(filter-out user/apps/%,$(user_sources)),$(word 2,$(subst /, ,$s))))
apps := $(sort $(foreach s,$(filter user/apps/%,$(user_sources)),$(word 3,$(subst /, ,$s))))
programs := $(addprefix $B/user/,$(processes)) $(addprefix $B/user/apps/,$(apps))
user_objects = $(addprefix $B/obj-user/,$(addsuffix .o,$1))
# Of program $1, all its objects, libraries and options.
is_integer = $(filter-out apps/% $(floating_processes),$1)
objects_dir = $B/$(or $(objects_of_$1),obj-$(if $(is_integer),integer,user))
libraries_of = $(if $(is_integer),$(integer_libraries),$(user_libraries))
link_abi = $(if $(is_integer),$(integer_abi),$(if $(filter apps/%,$1),-Wl$(comma)-u$(comma)output_begin))

# Libraries, as the processes see them: $(eval $(call library,NAME,KIND)), KIND user or integer.
user_libraries :=
integer_libraries :=
define library
library_$2_$1 := $(patsubst %,$B/obj-$2/%.o,$(filter lib/$1/%,$(sources)))
$(call remember,lib$1-$2,$(filter lib/$1/%,$(sources)))
$B/lib-$2/lib$1.a: $$(library_$2_$1) $B/flags/lib$1-$2 | packages
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)rm -f $$@ && $(CROSS)ar rcsD $$@ $$(library_$2_$1)
$2_libraries += $B/lib-$2/lib$1.a
-include $$(library_$2_$1:.o=.d)
endef
$(foreach l,rt client driver alloc ext4 disk base,$(foreach k,user integer,$(eval $(call library,$l,$k))))

# Every program has its own link address, 16 MiB apart, so that a debugger can hold the symbols of them all.
link_flags := --specs=picolibc.specs -mcmodel=medany -nostartfiles -nostdlib -static -Wl,--gc-sections \
    -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--fatal-warnings -T lib/rt/user.ld
link_group = -Wl,--start-group $1 -lc -lgcc -Wl,--end-group
link_libraries := $(call link_group,$(user_libraries))
define program
objects_$1 := $(patsubst %,$(objects_dir)/%.o,$(filter user/$1/%,$(user_sources)) $(extra_$1))
$(call remember,link-$(subst /,-,$1),$(user_cc) $(link_abi) $(link_flags) $2 \
    $(filter user/$1/%,$(user_sources)) $(extra_$1))
$B/user/$1.elf: $$(objects_$1) $(libraries_of) lib/rt/user.ld $B/flags/link-$(subst /,-,$1) | packages
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(user_cc) $(link_abi) $(link_flags) -Wl,--defsym=PROGRAM_BASE=$2 -o $$@ \
	    $$(objects_$1) $(call link_group,$(libraries_of))
-include $$(objects_$1:.o=.d)
endef
# $(call address,N): link address of program number N, counted from 1.
address = $(shell printf '0x%x000000' $1)
program_paths := $(patsubst $B/user/%,%,$(programs))
numbers := $(shell seq $(words $(program_paths)))
$(foreach n,$(numbers),$(eval $(call program,$(word $n,$(program_paths)),$(call address,$n))))

$(objects_net): | build/sources/lwip.stamp
$(objects_httpd): | build/sources/picohttpparser.stamp

# What is loaded has no symbols; the .elf beside it keeps them for the debugger.
$(programs): %: %.elf | packages
	$(call say,STRIP,$@)$(CROSS)strip -o $@ $<

# Loads the symbols of every program into gdb.
program_symbols := $B/user/symbols.gdb
$(program_symbols): $(programs)
	@printf 'add-symbol-file %s\n' $(addsuffix .elf,$(programs)) > $@
