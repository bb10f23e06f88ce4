# SPDX-License-Identifier: MIT
#
# Fuzzing: tests/fuzz/NAME_fuzz.c with every parser's source, by clang. With
# FUZZ_COVERAGE=1 the same in another directory, counting what is reached. Included
# by the Makefile.
#

FUZZ_SECONDS ?= 3600
FUZZ_CC ?= clang
fuzz-dir := $(B)/fuzz$(if $(FUZZ_COVERAGE),-coverage)
fuzz-flags := -g -O1 -fno-omit-frame-pointer -std=gnu17 \
	-Wall -Wextra -Wno-missing-field-initializers -U_FORTIFY_SOURCE \
	-fsanitize=fuzzer-no-link,$(if $(FUZZ_COVERAGE),,address,)undefined \
	-fno-sanitize-recover=all \
	$(if $(FUZZ_COVERAGE),-fprofile-instr-generate -fcoverage-mapping)
fuzz-packages := $(call all-packages,jansson,common pki hsm gp provider)
fuzzers := $(patsubst tests/fuzz/%_fuzz.c,$(fuzz-dir)/%,$(wildcard tests/fuzz/*_fuzz.c))
src-fuzz := $(wildcard tpm/*.c $(foreach d,common pki hsm provider libsecmod,userspace/$(d)/*.c)) \
	$(filter-out %/crypto.c,$(wildcard userspace/gp/*.c)) \
	$(pure:%=kernel/%.c) userspace/manufacturer/register.c \
	userspace/manufacturer/office.c $(addprefix tests/fuzz/,aes.c file.c platform.c)
obj-fuzz := $(src-fuzz:%.c=$(fuzz-dir)/obj/%.o)
# whose input is DER, and changed as such
fuzz-der := bundle cert pki record slot wire
$(fuzz-der:%=$(fuzz-dir)/%): $(fuzz-dir)/obj/tests/fuzz/der_mutator.o
$(fuzz-dir)/tpm: $(fuzz-dir)/obj/tests/fuzz/tpm_calls.o
# what of the executive needs the kernel, in a world of its own
obj-executive := $(patsubst %.c,$(fuzz-dir)/obj/%.o,$(filter-out $(pure:%=kernel/%.c) \
	kernel/executive/aes.c,$(wildcard kernel/executive/*.c)))
$(obj-executive): CPPFLAGS := -Itests/fuzz/world -include tests/fuzz/world/world.h $(CPPFLAGS)
$(obj-executive): fuzz-flags += -Wno-unused-parameter -Wno-format
$(fuzz-dir)/executive: $(obj-executive) $(fuzz-dir)/obj/tests/fuzz/executive_module.o

$(fuzz-dir)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,FUZZ CC ,$@)
	$(Q)$(FUZZ_CC) -MMD -MP $(CPPFLAGS) -Itests/fuzz \
		$(shell $(PKG_CONFIG) --cflags $(fuzz-packages)) $(fuzz-flags) -c -o $@ $<
$(fuzz-dir)/lib.a: $(obj-fuzz)
	@rm -f $@
	$(Q)$(AR) rcsD $@ $^
$(fuzzers): $(fuzz-dir)/%: $(fuzz-dir)/obj/tests/fuzz/%_fuzz.o $(fuzz-dir)/lib.a
	$(call say,FUZZ LD ,$@)
	$(Q)$(FUZZ_CC) $(fuzz-flags) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(filter %.a,$^) \
		$(call pkg-libs,$(fuzz-packages))

obj-seeds := $(patsubst %.c,$(fuzz-dir)/obj/%.o,$(wildcard tests/fuzz/seeds*.c) tests/fuzz/tpm_calls.c)
$(fuzz-dir)/seeds: $(obj-seeds) $(fuzz-dir)/lib.a
	$(call say,FUZZ LD ,$@)
	$(Q)$(FUZZ_CC) $(fuzz-flags) -o $@ $^ $(call pkg-libs,$(fuzz-packages))
$(fuzz-dir)/corpus: $(fuzz-dir)/seeds
	@rm -rf $@
	@$< $@
	@touch $@

fuzzers: $(fuzzers) $(fuzz-dir)/corpus

.PHONY: fuzzers

-include $(patsubst %.o,%.d,$(obj-fuzz) $(obj-seeds) $(obj-executive) $(fuzz-dir)/obj/tests/fuzz/executive_module.o \
	$(fuzzers:$(fuzz-dir)/%=$(fuzz-dir)/obj/tests/fuzz/%_fuzz.o))
