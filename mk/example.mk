# SPDX-License-Identifier: MIT
# The example of docs/PROTOCOLS.md, built from its text: `NAME.c`: or `NAME.h`: and then a block of C.

example := $B/example
example_programs := $(example)/server $(example)/client
$(example)/kv.h $(example)/server.c $(example)/client.c: docs/PROTOCOLS.md
	@mkdir -p $(@D)
	@awk -v name='`$(@F)`:' 'index($$0, name) { near = 1 } on && /^```$$/ { exit } on; near && /^```c$$/ { on = 1 }' $< > $@
$(call user_objects,$(example)/server.c $(example)/client.c): $(example)/kv.h
# $(eval $(call example_program,NAME,ADDRESS))
define example_program
$(example)/$1: $(call user_objects,$(example)/$1.c) $(user_libraries) lib/rt/user.ld | packages
	$$(call say,LD,$$@)$(user_cc) $(link_flags) -s -Wl,--defsym=PROGRAM_BASE=$2 -o $$@ \
	    $(call user_objects,$(example)/$1.c) $(link_libraries)
endef
$(eval $(call example_program,server,0x77000000))
$(eval $(call example_program,client,0x78000000))
test test-qemu: $(example_programs)
