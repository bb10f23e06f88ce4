# SPDX-License-Identifier: MIT
# secmod: the driver (Kbuild does the work) and its userspace. All output is
# under $(B); "make help" lists the targets.

B ?= build
T ?=
DESTDIR ?=
PREFIX ?= /usr/local
WERROR ?= $(if $(CI),1,0)
# stock, or what is in build/kernel-NAME
SECMOD_KERNEL ?= stock
kernel := kernel$(addprefix -,$(filter-out stock,$(SECMOD_KERNEL)))
module := module$(kernel:kernel%=%)
KDIR ?= $(CURDIR)/build/$(kernel)/usr/src/linux-headers-$(file <build/$(kernel)/release)
PKG_CONFIG ?= pkg-config

# make V=1 shows the commands
Q := $(if $(V),,@)
say = $(if $(V),@:,@echo '  $(1)$(2)')

CPPFLAGS += -D_GNU_SOURCE -D_FORTIFY_SOURCE=2 -Iuserspace -Ikernel/uapi -I.
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu17 -Wall -Wextra -Wmissing-prototypes \
	-Wstrict-prototypes -Wvla -fstack-protector-strong
LDFLAGS += -Wl,-z,relro,-z,now -Wl,--as-needed
ifneq ($(WERROR),0)
override CFLAGS += -Werror
KCFLAGS += -Werror
endif

export SECMOD_BUILD := $(abspath $(B))
export PYTHONPYCACHEPREFIX := $(SECMOD_BUILD)/pycache

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all module bugs bare user deps check check-all check-kernels check-debug \
	long bench demo vm static unit kunit clean install \
	install-module install-units programs-of-tests ready help FORCE \
	fuzz fuzz-coverage

all: $(if $(wildcard kernel/main.c),module) user ## the module and userspace

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24
	@echo "  B=DIR output directory, KDIR=DIR kernel to build for, WERROR=1, V=1"

deps: ## install missing Debian packages, fetch the test kernels
	@tests/deps.sh

#
# Userspace. A library or program is all the *.c of its directory.
#

# name directory packages
define LIBRARY
src-$(1) := $$(wildcard userspace/$(2)/*.c)
pkg-$(1) := $(3)
obj-$(1) := $$(src-$(1):%.c=$(B)/obj/%.o)
$$(obj-$(1)): pic := -fPIC
$$(obj-$(1)): packages := $(3)
$(B)/lib/lib$(1).a: $$(obj-$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR      ,$$@)
	$$(Q)$$(AR) rcsD $$@ $$^
objects += $$(obj-$(1))
user-files += $$(if $$(src-$(1)),$(B)/lib/lib$(1).a)
endef

# the archives of those of the libraries $(1) that have sources
archives = $(foreach l,$(1),$(if $(src-$(l)),$(B)/lib/lib$(l).a))
all-packages = $(sort $(1) $(foreach l,$(2),$(pkg-$(l))))
pkg-libs = $(if $(1),$(shell $(PKG_CONFIG) --libs $(1)))

# name directory libraries packages
define PROGRAM
src-bin-$(1) := $$(wildcard userspace/$(2)/*.c)
obj-bin-$(1) := $$(src-bin-$(1):%.c=$(B)/obj/%.o)
$$(obj-bin-$(1)): pic := -fPIE
$$(obj-bin-$(1)): packages := $$(call all-packages,$(4),$(3))
$(B)/bin/$(1): packages := $$(call all-packages,$(4),$(3))
$(B)/bin/$(1): $$(obj-bin-$(1)) $$(call archives,$(3))
	@mkdir -p $$(@D)
	$$(call say,LD      ,$$@)
	$$(Q)$$(CC) $$(CFLAGS) -pie $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$$(call pkg-libs,$$(packages))
objects += $$(obj-bin-$(1))
programs += $$(if $$(src-bin-$(1)),$(B)/bin/$(1))
endef

# file, soname, exported symbols, libraries (the first with all it has)
define SHARED
$(B)/lib/$(1): packages := $$(call all-packages,,$(4))
$(B)/lib/$(1): $$(call archives,$(4))
	@mkdir -p $$(@D)
	@printf '{ global: %s; local: *; };\n' '$(3)' >$$@.map
	$$(call say,LD      ,$$@)
	$$(Q)$$(CC) $$(CFLAGS) -shared $$(LDFLAGS) -Wl,-z,defs -Wl,-soname,$(2) \
		-Wl,--version-script=$$@.map -o $$@ \
		-Wl,--whole-archive $$(firstword $$^) -Wl,--no-whole-archive \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group \
		$$(call pkg-libs,$$(packages))
user-files += $$(if $$(src-$(firstword $(4))),$(B)/lib/$(1))
endef

tss := tss2-esys tss2-mu tss2-rc tss2-tctildr

#                     name      directory  packages
$(eval $(call LIBRARY,common,common,libcrypto libssl libevent libevent_openssl jansson))
$(eval $(call LIBRARY,pki,pki,libcrypto $(tss)))
$(eval $(call LIBRARY,hsm,hsm,libcrypto $(tss)))
$(eval $(call LIBRARY,custody,custody,libcrypto jansson $(tss)))
$(eval $(call LIBRARY,store,store,sqlite3))
$(eval $(call LIBRARY,campaign,campaign,))
$(eval $(call LIBRARY,secmod,libsecmod,))
$(eval $(call LIBRARY,gp,gp,libcrypto))
$(eval $(call LIBRARY,hsm1,hsm1,libcrypto libssl jansson libkcapi $(tss)))
$(eval $(call LIBRARY,keyring,keyring,libcrypto))
$(eval $(call LIBRARY,provider,provider,libcrypto))

#                    file                 soname       exports            libraries
$(eval $(call SHARED,libsecmod.so,libsecmod.so,secmod_*,secmod common))
$(eval $(call SHARED,ossl-modules/secmod.so,secmod.so,OSSL_provider_init,provider secmod common))

server := store hsm pki provider secmod common
#                     name            directory  libraries               packages
$(eval $(call PROGRAM,secmod,secmod,gp provider secmod hsm pki common,libssl jansson))
$(eval $(call PROGRAM,secmod-vpicc,vpicc,secmod common,libcrypto))
$(eval $(call PROGRAM,secmod-agent,agent,provider secmod hsm pki common,libssl libevent libevent_openssl jansson))
$(eval $(call PROGRAM,secmod-pu,pu,$(server),libssl libevent jansson))
$(eval $(call PROGRAM,secmod-central,central,campaign hsm1 custody keyring gp $(server),libssl libevent libevent_openssl jansson))
$(eval $(call PROGRAM,secmod-manufacturer,manufacturer,$(server),libssl jansson))
$(eval $(call PROGRAM,secmod-hsm1,hsm1ctl,hsm1 custody hsm pki gp provider secmod common,libssl jansson))
$(eval $(call PROGRAM,secmod-kms,kms,custody hsm pki provider secmod common,libssl jansson))

user: $(user-files) $(programs) ## libraries, provider and programs

# what flags were used: everything is compiled anew when they change; not those that some
# objects have beside, and hand down to this target
flags := $(CC) $(CPPFLAGS) $(CFLAGS)
$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(flags)' | cmp -s - $@ || echo '$(flags)' >$@

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC      ,$@)
	$(Q)$(CC) -MMD -MP $(CPPFLAGS) \
		$(if $(packages),$(shell $(PKG_CONFIG) --cflags $(packages))) \
		$(CFLAGS) $(pic) -c -o $@ $<

#
# The module. Kbuild puts objects beside sources, so it gets a tree of links.
#

# code that checks itself needs more of the stack
checked = GCOV_PROFILE=y KCOV_INSTRUMENT=y KCFLAGS='$(KCFLAGS) -Wframe-larger-than=2048'
module: FORCE ## secmod.ko, in $(B)/module (SECMOD_KERNEL=X: $(B)/module-X)
	@mkdir -p $(B)/$(module)
	@cp -rsf $(addprefix $(CURDIR)/,Kbuild kernel tpm) $(B)/$(module)/
	@find $(B)/$(module) -xtype l -delete
	+@tests/in-root.sh build/$(kernel)/root \
		$(MAKE) --no-print-directory -C $(KDIR) M=$(abspath $(B))/$(module) \
		KCFLAGS='$(KCFLAGS)' CONFIG_DEBUG_INFO_BTF_MODULES= \
		$(if $(filter debug,$(SECMOD_KERNEL)),$(checked)) modules

# deliberate bugs, to see the debug kernel find them
bugs: FORCE
	@mkdir -p $(B)/bugs
	@cp -rsf $(addprefix $(CURDIR)/tests/vm/bugs/,Kbuild bugs.c) $(B)/bugs/
	+@$(MAKE) --no-print-directory -C $(KDIR) M=$(abspath $(B))/bugs modules

# the kernel's AEAD with nothing around it, for make bench
bare: FORCE
	@mkdir -p $(B)/bench/bare
	@cp -rsf $(addprefix $(CURDIR)/tests/bench/bare/,Kbuild bare.c) $(B)/bench/bare/
	+@$(MAKE) --no-print-directory -C $(KDIR) M=$(abspath $(B))/bench/bare \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules

#
# Tests
#

# sources without kernel services and the TPM layer, for userspace
pure := state tlv cert bundle record slot \
	executive/apdu executive/application executive/keyset executive/scp03 executive/scp11 \
	transaction/slots
src-pure := $(wildcard tpm/*.c $(pure:%=kernel/%.c) tests/shim/*.c)
obj-pure := $(src-pure:%.c=$(B)/obj/pure/%.o)
$(B)/lib/libpure.a: $(obj-pure)
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR      ,$@)
	$(Q)$(AR) rcsD $@ $^
$(B)/obj/pure/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC      ,$@)
	$(Q)$(CC) -MMD -MP -Itests/shim $(CPPFLAGS) $(CFLAGS) -fPIE -c -o $@ $<

unit-tests := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*_test.c))
unit-help := $(filter-out %_test.c,$(wildcard tests/unit/*.c))
obj-unit := $(patsubst %.c,$(B)/obj/%.o,$(unit-help) $(wildcard tests/unit/*_test.c))
unit-libs := provider secmod campaign keyring store hsm1 custody hsm pki gp common
unit-packages := $(call all-packages,cmocka libssl libcrypto libevent jansson,$(unit-libs))
$(obj-unit): CPPFLAGS := -Itests/shim -Itests/unit -Itests/fuzz/world $(CPPFLAGS)
$(obj-unit): pic := -fPIE
$(obj-unit): packages := $(unit-packages)
$(B)/unit/%: $(B)/obj/tests/unit/%.o $(unit-help:%.c=$(B)/obj/%.o) \
		$(call archives,$(unit-libs)) $(if $(src-pure),$(B)/lib/libpure.a)
	@mkdir -p $(@D)
	$(call say,LD      ,$@)
	$(Q)$(CC) $(CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(call pkg-libs,$(unit-packages))

# programs the VM tests run in the guest: NAME.c, and NAME/*.c if there are any
vm-tools := $(patsubst tests/vm/tools/%.c,$(B)/vm/%,$(wildcard tests/vm/tools/*.c))
obj-vm-tools := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/vm/tools/*.c tests/vm/tools/*/*.c))
$(foreach t,$(vm-tools),$(eval $(t): $(filter $(B)/obj/tests/vm/tools/$(notdir $(t))/%,$(obj-vm-tools))))
$(obj-vm-tools): pic := -fPIE
$(obj-vm-tools): packages := $(unit-packages)
$(vm-tools): $(B)/vm/%: $(B)/obj/tests/vm/tools/%.o $(call archives,$(unit-libs))
	@mkdir -p $(@D)
	$(call say,LD      ,$@)
	$(Q)$(CC) $(CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(call pkg-libs,$(unit-packages))

# preloaded by tests into programs in the guest
vm-preloads := $(patsubst tests/vm/preload/%.c,$(B)/vm/%.so,$(wildcard tests/vm/preload/*.c))
$(B)/vm/%.so: tests/vm/preload/%.c $(wildcard tests/vm/preload/*.h kernel/uapi/linux/*.h) $(B)/flags
	@mkdir -p $(@D)
	$(call say,LD      ,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared $(LDFLAGS) -o $@ $<

# PID 1 of the test machines; static, for it starts from an initramfs
$(B)/vm/init: $(wildcard tests/vm/lib/*.[ch]) $(B)/flags
	@mkdir -p $(@D)
	$(call say,LD      ,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -static -o $@ $(filter %.c,$^)

# the load of make bench
src-load := $(wildcard tests/bench/*.c)
obj-load := $(src-load:%.c=$(B)/obj/%.o)
$(obj-load): pic := -fPIE
$(obj-load): packages := libssl libcrypto cmocka
$(obj-load): CPPFLAGS := -Itests/shim -Itests/unit $(CPPFLAGS)
$(B)/bench/load: $(obj-load) $(B)/obj/tests/unit/soft_card.o \
		$(call archives,gp common secmod) $(B)/lib/libpure.a
	@mkdir -p $(@D)
	$(call say,LD      ,$@)
	$(Q)$(CC) $(CFLAGS) -pie $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(call pkg-libs,libssl libcrypto cmocka)

include tests/fuzz/fuzz.mk

programs-of-tests: $(B)/bench/load $(unit-tests) $(vm-tools) $(vm-preloads) $(B)/vm/init fuzzers

# what a fresh machine needs is installed first; KDIR is known only after that
ready: deps
	@$(MAKE) --no-print-directory all programs-of-tests

# the driver's tests, run on every kernel, and what of them check-all runs; each name is
# also that of all tests that begin with it
driver-tests := vm/algorithms vm/executive vm/fuzz_ioctl vm/interposer vm/kill vm/life vm/link \
	vm/lockout vm/provider vm/refusals vm/root vm/shutdown vm/smoke vm/suspend vm/tpm_fails \
	vm/tpms vm/transaction vm/uapi vm/vault
newer-kernels := 6.12 7
kernel-tests := static/sparse $(driver-tests) vm/dkms vm/powercut_init
debug-tests := vm/debug_selftest vm/fail_nth $(driver-tests)

bounded-6.12 := static/sparse vm/smoke vm/life vm/dkms vm/suspend vm/executive
bounded-7 := vm/smoke vm/life vm/executive
bounded-debug := vm/debug_selftest vm/fail_nth vm/life vm/executive
bounded := $(foreach k,$(newer-kernels) debug,$(bounded-$(k):%=$(k):%))

check: ready ## all tests; T=vm/reset, T='static unit/*', T=debug:vm/life selects
	@tests/run $(T)

check-all: ready ## all tests, and some of the driver's on each of the other kernels
	@tests/run stock: $(bounded)

check-kernels: ready ## the driver's tests on newer kernels of Debian
	@tests/run $(foreach k,$(newer-kernels),$(kernel-tests:%=$(k):%))

check-debug: ready ## the driver's tests on a kernel with KASAN, lockdep, kmemleak, ...
	@tests/run $(debug-tests:%=debug:%)

long: ready ## all VM tests at full length, hours; T=vm/powercut selects
	@SECMOD_LONG=1 tests/run $(or $(T),vm debug:vm/fail_nth)

static: ready ## checkpatch, sparse, clang-format, shellcheck, ...
	@tests/run static

unit: ready ## userspace unit tests
	@tests/run unit

kunit: ready ## tests of the driver's pure parts, in user-mode Linux
	@tests/run kunit

fuzz: ready ## each fuzzer for FUZZ_SECONDS (3600), two at a time; keeps what it finds
	@echo $(notdir $(fuzzers)) | tr ' ' '\n' | \
		xargs -P 2 -n 1 nice tests/fuzz/run -s $(FUZZ_SECONDS)

fuzz-coverage: ready ## lines, branches that the fuzzers' inputs reach, by file
	@$(MAKE) --no-print-directory FUZZ_COVERAGE=1 fuzzers
	@tests/fuzz/coverage $(notdir $(fuzzers))

demo: ready ## the whole life of a module, shown in a VM
	@tests/vm/demo.py

bench: ## speed of keys, messages, channels, campaigns, beside others'; ROUNDS=5
	@tests/deps.sh bench
	@$(MAKE) --no-print-directory all bare $(B)/bench/load $(B)/vm/init
	@tests/bench/bench.py $(if $(ROUNDS),--rounds $(ROUNDS))
	@tests/bench/messages.py $(if $(ROUNDS),--rounds $(ROUNDS))
	@tests/bench/channels.py $(if $(ROUNDS),--rounds $(ROUNDS))
	@tests/bench/campaigns.py $(if $(ROUNDS),--rounds $(ROUNDS))

vm: ready ## a shell in a VM with the module loaded
	@tests/vm/lib/shell.py

#
# Installation
#

libdir := $(DESTDIR)$(PREFIX)/lib
share := $(DESTDIR)$(PREFIX)/share
manuals := $(wildcard userspace/*/*.[1-8])
install: user install-units ## programs, libraries, manuals, units (DESTDIR=, PREFIX=)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include/linux \
		$(libdir)/ossl-modules
	install $(programs) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(B)/lib/libsecmod.a $(B)/lib/libsecmod.so $(libdir)
	install -m 644 $(B)/lib/ossl-modules/secmod.so $(libdir)/ossl-modules
	install -m 644 kernel/uapi/linux/*.h $(DESTDIR)$(PREFIX)/include/linux
	install -m 644 userspace/libsecmod/libsecmod.h $(DESTDIR)$(PREFIX)/include
	for page in $(manuals); do \
		install -D -m 644 -t $(share)/man/man$${page##*.} $$page; done
	install -D -m 644 userspace/secmod/secmod.bash-completion \
		$(share)/bash-completion/completions/secmod
	install -D -m 644 -t $(libdir)/udev/rules.d userspace/dist/*.rules

# disabled, as systemd has it: who runs what is told in docs/
units := $(wildcard userspace/dist/*.service)
install-units:
	install -d $(libdir)/systemd/system
	for unit in $(units); do sed 's,/usr/local/,$(PREFIX)/,' $$unit \
		>$(libdir)/systemd/system/$${unit##*/}; done
	install -D -m 644 userspace/dist/secmod.sysusers.conf \
		$(libdir)/sysusers.d/secmod.conf

install-module: module ## secmod.ko for the kernel of KDIR
	$(MAKE) -C $(KDIR) M=$(abspath $(B))/$(module) \
		INSTALL_MOD_PATH=$(DESTDIR) modules_install

clean: ## remove what was built; the fetched kernels stay
	rm -rf $(filter-out %/kernel $(B)/kernel-% %/linux %/uml,$(wildcard $(B)/*))

-include $(patsubst %.o,%.d,$(objects) $(obj-unit) $(obj-vm-tools) $(obj-load) $(obj-pure))
