# tenmint: a keyless-signing CA, its transparency log and its TUF root.
#
#   make demo    install what is missing, build, run the main job end to end
#   make check   install what the tests need, run every test
#   make run     leave the demo's issuer and CA running, print curl lines
#   make conformance SUITE=DIR   the TUF client against a checkout of tuf-conformance
#   make bench   ratios against the crypto limit, measured in this run; make bench PARTS=latency
#   make bench-long   the same with a million requests where memory is watched, and a million targets
#   make bench-peers  a timestamp and a log entry beside sigstore's own servers (Go 1.26; minutes)
#   make cluster-test   three nodes, a log, a database and a store of tokens, killed under load
#   make bad-input-test  every command of tenmint-ca with wrong words, lost files, full disks, kill -9
#   make soak    15 minutes of load while everything around the server fails; SOAK=60 is a try
#   make package-test   the Debian packages in a fresh Debian: installed, upgraded, removed (root)
#   make systemd-test   the shipped units under a real systemd, in namespaces of its own (root)
#   make mutated-test   some thousand changed TUF trees: none may be taken for the published one
#   make token-test     each key in a token that is taken away and comes back
#   make container-test the images of config/container, built and at work; the chart (root)
#   make looks   the pages for people in headless Chromium, narrow and wide, light and dark
#   make mutants one-line faults that a named test must find
#   make explore fuzz for FUZZ_SECONDS each, from random seeds
#   make         only build (into build/)
#   make install PREFIX=/usr/local DESTDIR=       programs, manual pages, units, examples, library
#   make uninstall   takes them away again
#   make deb     Debian packages, in build/deb
#   make install-lib PREFIX=/usr/local DESTDIR=   only libtenmint-verify, for other programs
#   make conformance-static-ct   TesseraCT's checker reads our log (Go 1.24 or newer)
#   make conformance-sigstore SUITE=DIR ROOT=FILE   a checkout of sigstore-conformance
#   make kms-services  keys at OpenBao, local-kms and moto: every role, rotation, faults
#   make interop   every test with programs of others, those too that take minutes to build
#   make lint    clang-format and clang-tidy over the tree: over what changed since it last passed
#   make fulcio-config FILE=…   compares Fulcio's public list of issuers with our copy of it
#
# Variants build into their own folder: make BUILD=build/asan SAN=address,undefined CC=clang-14

# V=1 prints each command whole.
BUILD ?= build
V ?=
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $@;)
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
PKGS := libssl libcrypto libcurl libmicrohttpd jansson libjwt yaml-0.1 libsystemd libp11 libpcre2-8 p11-kit-1 libseccomp libnghttp2 libprotobuf-c zlib sqlite3 hiredis

# The release, and the commit beside it.
RELEASE := 0.2.0
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
        -Wpointer-arith -Wwrite-strings
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE
ifeq ($(SAN),)
HARDEN += -D_FORTIFY_SOURCE=3
OPT ?= -O2
else
HARDEN += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
OPT ?= -O1
endif
GEN := $(BUILD)/gen
CPPFLAGS += -I. -I$(GEN) -D_GNU_SOURCE $(shell pkg-config --cflags p11-kit-1 libpq)
CFLAGS += -std=gnu11 -g $(OPT) $(WARN) $(HARDEN) -pthread
LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -pthread $(if $(SAN),-fsanitize=$(SAN))
LDLIBS = $(shell pkg-config --libs $(PKGS))

# What builds nothing needs no library.
ifneq ($(filter-out package-test container-test deps test-deps demo run check clean format format-check uninstall deb,$(or $(MAKECMDGOALS),all)),)
missing := $(shell for p in pkg-config protoc-c; do command -v $$p >/dev/null || echo $$p; done; \
    for p in $(PKGS) libpq; do pkg-config --exists $$p || echo $$p; done 2>/dev/null)
$(if $(missing),$(error missing: $(missing). On Debian and Ubuntu "make deps" installs them; the README \
    lists what other distributions call them))
endif
# The server's allocator: most of what it allocates is JSON and OpenSSL's, a few bytes at a time.
$(BUILD)/tenmint-ca: ALLOCATOR = $(if $(SAN),,-lmimalloc)

sources = $(sort $(foreach p,* */* */*/* */*/*/*,$(wildcard $(1)/$(p).c)))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIBS := common oidc ca $(wildcard tuf)
LIB_FILES := $(foreach l,$(LIBS),$(BUILD)/lib$(l).a)
# The libraries use each other in one direction only: common <- oidc <- ca, common <- tuf.
LINK_LIBS = $(patsubst %,$(BUILD)/lib%.a,$(filter ca,$(LIBS)) $(filter oidc,$(LIBS)) $(filter tuf,$(LIBS)) common)

PROGRAMS := $(patsubst tools/%/main.c,%,$(wildcard tools/*/main.c))
# Started by a program, not by a person.
HIDDEN := tenmint-log-witness
SHARED_OBJ := $(call objects,$(wildcard tools/shared/*.c))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
SUPPORT_OBJ := $(call objects,$(wildcard tests/support/*.c))
TEST_PROGRAMS := $(patsubst tests/%/main.c,$(BUILD)/tests/%,$(wildcard tests/*/main.c))
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.DEFAULT_GOAL := all
.PHONY: bad-input-test package-test systemd-test mutated-test token-test kms-services cluster-test container-test lib install-lib print-libs print-release mutants all deps test-deps demo run check conformance conformance-sigstore conformance-static-ct interop bench bench-long bench-peers soak looks unit test-programs fuzz explore lint format-check format clean always
.SECONDARY:

all: $(addprefix $(BUILD)/,$(PROGRAMS) $(HIDDEN))

# What protoc-c makes of our table of messages.
MESSAGES := ca/api/grpc.pb-c
$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: %.proto
	@mkdir -p $(GEN)
	$(call say,GEN) protoc-c --c_out=$(GEN) $<

$(BUILD)/obj/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/libca.a: $(BUILD)/obj/gen/$(MESSAGES).o

# The pages' style as a string of C.
STYLE := $(GEN)/common/html/style.css.h
$(STYLE): common/html/style.css
	@mkdir -p $(@D)
	$(call say,GEN) { echo 'static const char style[] ='; sed 's/["\\]/\\&/g; s/.*/"&\\n"/' $<; echo ';'; } >$@

define library
$(BUILD)/lib$(1).a: $(call objects,$(call sources,$(1)))
	@rm -f $$@
	$$(call say,AR) ar rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call library,$(l))))

# The auditors' commands are in the server's program, too.
LOG_OBJ := $(call objects,$(filter-out %/main.c %/witness_apart.c,$(wildcard tools/tenmint-log/*.c)))
WITNESS_OBJ := $(call objects,tools/tenmint-log/witness/serve.c)
# The client loads libcurl when it fetches: tools/tenmint/curl_late.c.
$(BUILD)/tenmint: PKGS := libcrypto jansson yaml-0.1 libp11 libpcre2-8 p11-kit-1 zlib
# The auditors' program installs without the server's libraries; its `witness` is a program of its own.
$(BUILD)/tenmint-log: PKGS := libssl libcrypto libcurl zlib jansson yaml-0.1 libp11 libpcre2-8 p11-kit-1

# tenmint-ca has rooms; tenmint-log/witness is a program of its own.
program_sources = $(if $(filter tenmint-ca,$(1)),$(call sources,tools/$(1)),$(wildcard tools/$(1)/*.c))

define program
$(BUILD)/$(1): $(call objects,$(call program_sources,$(1))) $(if $(filter tenmint-ca,$(1)),$(LOG_OBJ) $(WITNESS_OBJ)) $(SHARED_OBJ) $(LINK_LIBS)
	$$(call say,LINK) $$(CC) $$(LDFLAGS) -o $$@ $$^ $$(ALLOCATOR) $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(BUILD)/tenmint-log-witness: PKGS := libssl libcrypto libcurl libmicrohttpd libnghttp2 zlib jansson yaml-0.1 libp11 libpcre2-8 p11-kit-1
$(BUILD)/tenmint-log-witness: $(LOG_OBJ) $(WITNESS_OBJ) $(call objects,tools/tenmint-log/witness/main.c) $(SHARED_OBJ) $(LINK_LIBS)
	$(call say,LINK) $(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

define test_program
$(BUILD)/tests/$(1): $(call objects,$(wildcard tests/$(1)/*.c)) $(SUPPORT_OBJ) $(LINK_LIBS)
	@mkdir -p $$(@D)
	$$(call say,LINK) $$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(LDLIBS)
endef
$(foreach p,$(patsubst $(BUILD)/tests/%,%,$(TEST_PROGRAMS)),$(eval $(call test_program,$(p))))

# It starts the server's own processes.
$(BUILD)/tests/roles: $(call objects,$(filter-out %/main.c,$(call program_sources,tenmint-ca))) $(LOG_OBJ) $(WITNESS_OBJ) $(SHARED_OBJ)

$(BUILD)/tests/test_%: $(BUILD)/obj/tests/unit/test_%.o $(SUPPORT_OBJ) $(LINK_LIBS)
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(LDLIBS)

# What the programs share is no library, nor are their own files.
$(BUILD)/tests/test_cli: $(SHARED_OBJ)
$(BUILD)/tests/test_init_stage: $(call objects,tools/tenmint-ca/init/init_stage.c tools/tenmint-ca/setup.c)
$(BUILD)/tests/test_issuers_explain: $(call objects,tools/tenmint-tuf/issuers.c)
$(BUILD)/tests/test_submit: $(call objects,tools/tenmint/submit.c tools/tenmint/refusal.c)

$(BUILD)/fuzz/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(LINK_LIBS)
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

$(BUILD)/obj/%.o: %.c | $(GEN)/$(MESSAGES).h $(STYLE)
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The version is compiled in anew when it has changed: a commit changes no file of ours.
$(BUILD)/obj/tools/shared/version.o: CPPFLAGS += -DTENMINT_RELEASE='"$(RELEASE)"' -DTENMINT_VERSION='"$(VERSION)"'
$(BUILD)/obj/tools/shared/version.o: $(BUILD)/version
$(BUILD)/version: always
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
always:

-include $(shell find $(BUILD)/obj $(BUILD)/lint -name '*.d' 2>/dev/null)

unit: $(UNIT)
test-programs: $(TEST_PROGRAMS)
fuzz: $(FUZZ)

# make explore FUZZ_SECONDS=600 FUZZ_TARGETS="token request"
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=
explore: test-deps
	@bash tests/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

deps:
	@sh tests/install.sh build

test-deps:
	@sh tests/install.sh tests

demo:
	@sh tests/install.sh demo
	@$(MAKE) --no-print-directory all test-programs
	@bash tests/demo.sh demo

run: deps
	@$(MAKE) --no-print-directory all test-programs
	@bash tests/demo.sh run

check: test-deps
	@bash tests/run.sh

conformance: test-deps
	@$(MAKE) --no-print-directory all
	@bash tests/conformance/run.sh "$(SUITE)"

# All of a checkout of sigstore/sigstore-conformance, its signing cases with an instance of our own;
# ROOT: the public instance's trusted_root.json (a target of its TUF repository).
conformance-sigstore: test-deps
	@$(MAKE) --no-print-directory all test-programs
	@bash tests/conformance/sigstore.sh "$(SUITE)" "$(ROOT)"

interop: test-deps
	@$(MAKE) --no-print-directory all test-programs
	@bash tests/interop.sh

conformance-static-ct: deps
	@$(MAKE) --no-print-directory all test-programs
	@bash tests/conformance/static-ct.sh

bench: deps
	@$(MAKE) --no-print-directory all test-programs
	@bash tests/bench.sh $(PARTS)

package-test:
	@bash tests/packages.sh

kms-services: test-deps all test-programs
	@bash tests/kms_services.sh

bad-input-test: test-deps all
	@bash tests/bad_input.sh

cluster-test: test-deps all test-programs
	@bash tests/cluster.sh

systemd-test: all test-programs
	@bash tests/systemd.sh

mutated-test: test-deps all
	@bash tests/mutated.sh

token-test: test-deps all test-programs
	@bash tests/token_away.sh

container-test:
	@bash tests/containers.sh

looks: all
	@bash tests/looks.sh

soak: test-deps all test-programs
	@bash tests/soak.sh

bench-long:
	@BENCH_REQUESTS=1000000 BENCH_TARGETS=1000000 $(MAKE) --no-print-directory bench

# Pinned: the newest that Go 1.26 builds.
bench-peers: deps
	@$(MAKE) --no-print-directory all test-programs
	GOTOOLCHAIN=local GOBIN=$(CURDIR)/build/peers go install github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server@v2.1.2
	GOTOOLCHAIN=local GOBIN=$(CURDIR)/build/peers go install github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@v2.3.0
	@SIGLOG_PEERS=build/peers bash tests/bench.sh siglog

TREE_C := $(foreach d,$(LIBS) tools tests,$(call sources,$(d)))
TREE_H := $(shell find $(LIBS) tools tests -name '*.h' -not -path '*/node_modules/*')

# Has Fulcio's public list changed? FILE is config/identity/config.yaml of its repository.
fulcio-config: $(BUILD)/tests/test_trust
	$< $(FILE)

# A file that passed is not looked at again before it, or a header that it includes, changes.
lint: format-check $(patsubst %,$(BUILD)/lint/%.ok,$(TREE_C))

$(BUILD)/lint/%.ok: % .clang-tidy | $(GEN)/$(MESSAGES).h $(STYLE)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) -MM -MP -MT $@ -MF $(@:.ok=.d) $<
	$(call say,TIDY) clang-tidy-14 --quiet $< -- $(CPPFLAGS) -std=gnu11 -DTENMINT_RELEASE='""' -DTENMINT_VERSION='""'
	@touch $@

format-check:
	@clang-format-14 --dry-run -Werror $(TREE_C) $(TREE_H)

format:
	@clang-format-14 -i $(TREE_C) $(TREE_H)

# For editors and clang tools: how each file is compiled.
compile_commands.json: always
	@{ sep='['; for f in $(TREE_C); do \
	  printf '%s\n{"directory": "%s", "file": "%s", "command": "%s -c %s"}' "$$sep" '$(CURDIR)' "$$f" \
	      '$(CC) $(CPPFLAGS) $(CFLAGS) -DTENMINT_RELEASE= -DTENMINT_VERSION=' "$$f"; sep=,; done; \
	  printf '\n]\n'; } >$@

# Each mutant of tests/mutants must be killed by the test that its list names (MUTANTS=der: those of one list).
MUTANTS ?=
mutants: test-deps
	@bash tests/mutants.sh $(MUTANTS)

# What tests/house/names.sh links with.
print-libs:
	@echo '$(LDLIBS)'
print-release:
	@echo '$(RELEASE)'

# libtenmint-verify, for other programs: shared, and one archive that needs only the system's
# libraries. Both show the names of its header and no others.
SOVERSION := 0
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
VERIFY_PKGS := libcrypto jansson libcurl libpcre2-8
VERIFY_OBJ := $(patsubst %.c,$(BUILD)/pic/%.o,$(foreach d,common tuf/metadata tuf/client tuf/verify,$(call sources,$(d))))
VERIFY_HEADER := tuf/verify/library/tenmint-verify.h

$(BUILD)/pic/%.o: %.c | $(STYLE)
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/pic -name '*.d' 2>/dev/null)

# Only what the header's functions need is taken, and only their names stay visible.
$(BUILD)/pic/libtenmint-verify.o: $(VERIFY_OBJ)
	@rm -f $(BUILD)/pic/all.a
	@ar rcs $(BUILD)/pic/all.a $^
	$(call say,LD) ld -r -o $@ $(BUILD)/pic/tuf/verify/library/library.o $(BUILD)/pic/all.a && \
	    objcopy --wildcard --keep-global-symbol='tenmint_*' $@

$(BUILD)/libtenmint-verify.a: $(BUILD)/pic/libtenmint-verify.o
	@rm -f $@
	$(call say,AR) ar rcs $@ $^

$(BUILD)/libtenmint-verify.so: $(BUILD)/pic/libtenmint-verify.o tuf/verify/library/exports.map
	$(call say,LINK) $(CC) -shared -pthread -Wl,-z,defs -Wl,-z,relro,-z,now -Wl,--as-needed \
	    -Wl,-soname,libtenmint-verify.so.$(SOVERSION) -Wl,--version-script=tuf/verify/library/exports.map \
	    -o $@ $< $(shell pkg-config --libs $(VERIFY_PKGS))

lib: $(BUILD)/libtenmint-verify.a $(BUILD)/libtenmint-verify.so

install-lib: lib
	install -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(PREFIX)/include"
	install -m 644 $(VERIFY_HEADER) "$(DESTDIR)$(PREFIX)/include/"
	install -m 644 $(BUILD)/libtenmint-verify.a "$(DESTDIR)$(LIBDIR)/"
	install -m 755 $(BUILD)/libtenmint-verify.so "$(DESTDIR)$(LIBDIR)/libtenmint-verify.so.$(SOVERSION)"
	ln -sf libtenmint-verify.so.$(SOVERSION) "$(DESTDIR)$(LIBDIR)/libtenmint-verify.so"
	sed 's,@PREFIX@,$(PREFIX),; s,@LIBDIR@,$(LIBDIR),; s,@RELEASE@,$(RELEASE),' \
	    tuf/verify/library/libtenmint-verify.pc.in >"$(DESTDIR)$(LIBDIR)/pkgconfig/libtenmint-verify.pc"

include config/install.mk

clean:
	rm -rf build
