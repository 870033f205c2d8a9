# SPDX-License-Identifier: MIT
# Source packages of Debian 12 that processes are built from: lwIP for net, picohttpparser (in h2o) for httpd.
# tools/fetch gets them once into build/sources; our changes are the patch files beside the process.

source_fetched := build/sources/fetched
$(source_fetched): tools/fetch | packages
	@tools/fetch build/sources bookworm source lwip h2o && touch $@

# $(eval $(call patched,NAME,DIRECTORY IN THE PACKAGES,PATCHES)): build/sources/NAME, a copy with our patches
# and with lines that end as theirs do; what is compiled of it depends on its stamp.
define patched
build/sources/$1.stamp: $(source_fetched) $3
	$$(call say,PATCH,build/sources/$1)rm -rf build/sources/$1 && \
	    cp -R build/sources/root/$2 build/sources/$1 && \
	    find build/sources/$1 -name '*.[ch]' -exec sed -i 's/\r$$$$//' {} + && \
	    for p in $3; do patch -s -p1 -d build/sources/$1 < $$$$p || exit 1; done && touch $$@
build/sources/$1/%: build/sources/$1.stamp ;
.PRECIOUS: build/sources/$1/%
endef

lwip_patches := $(sort $(wildcard user/net/lwip/*.patch))
$(eval $(call patched,lwip,lwip-*/,$(lwip_patches)))
$(eval $(call patched,picohttpparser,h2o-*/deps/picohttpparser,))
