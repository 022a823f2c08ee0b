# make install, make uninstall: what a system gets. The library for other programs is install-lib's.
#   PREFIX=/usr/local  SYSCONFDIR=/etc  DESTDIR=   and the folders below
SYSCONFDIR ?= /etc
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec/tenmint
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/tenmint
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d

# Where each shell looks; its script is tools/shared/completion's, with the program's name put in.
COMPLETION_bash = $(PREFIX)/share/bash-completion/completions/$(1)
COMPLETION_zsh = $(PREFIX)/share/zsh/site-functions/_$(1)
COMPLETION_fish = $(PREFIX)/share/fish/vendor_completions.d/$(1).fish
COMPLETION_OUT ?= $(BUILD)/completion
SHELLS := bash zsh fish

UNITS := $(wildcard config/*.service config/*.socket config/*.timer)
SYSUSERS := $(wildcard config/*.sysusers)
MANUALS := $(wildcard tools/*/*.[1-8])
EXAMPLE_FOLDERS := ci issuers proxy cluster container kubernetes helm
EXAMPLES := $(wildcard config/*.yaml) $(shell find $(addprefix config/,$(EXAMPLE_FOLDERS)) -type f)
page_folder = $(MANDIR)/man$(subst .,,$(suffix $(1)))

# Everything but the library, by its place: install and uninstall read the same list.
INSTALLED = $(addprefix $(BINDIR)/,$(PROGRAMS)) $(addprefix $(LIBEXECDIR)/,$(HIDDEN)) $(addprefix $(UNITDIR)/,$(notdir $(UNITS))) \
    $(foreach f,$(SYSUSERS),$(SYSUSERSDIR)/$(basename $(notdir $(f))).conf) \
    $(foreach f,$(MANUALS),$(call page_folder,$(f))/$(notdir $(f))) \
    $(foreach s,$(SHELLS),$(foreach p,$(PROGRAMS),$(call COMPLETION_$(s),$(p)))) \
    $(patsubst config/%,$(DOCDIR)/examples/%,$(EXAMPLES)) $(addprefix $(DOCDIR)/,README.md CHANGES.md)

.PHONY: install install-programs uninstall

define completion
$(COMPLETION_OUT)/$(1)/%: tools/shared/completion/$(1) tools/shared/completion/choose.awk
	@mkdir -p $$(@D)
	$$(call say,GEN) sed -e '/@CHOOSE@/{' -e 's/@CHOOSE@.*//;r tools/shared/completion/choose.awk' -e '}' $$< | \
	    sed 's/@PROGRAM@/$$*/g; s/@NAME@/$$(subst -,_,$$*)/g' >$$@
endef
$(foreach s,$(SHELLS),$(eval $(call completion,$(s))))
completions := $(foreach s,$(SHELLS),$(addprefix $(COMPLETION_OUT)/$(s)/,$(PROGRAMS)))

install: install-programs install-lib

install-programs: all $(completions)
	install -d $(foreach d,$(sort $(dir $(INSTALLED))),"$(DESTDIR)$(d)")
	install -m 755 $(addprefix $(BUILD)/,$(PROGRAMS)) "$(DESTDIR)$(BINDIR)/"
	install -m 755 $(addprefix $(BUILD)/,$(HIDDEN)) "$(DESTDIR)$(LIBEXECDIR)/"
	for f in $(UNITS); do sed 's,/usr/local/bin/,$(BINDIR)/,g; s,/etc/tenmint-ca,$(SYSCONFDIR)/tenmint-ca,g' \
	    "$$f" >"$(DESTDIR)$(UNITDIR)/$${f##*/}" || exit 1; done
	for f in $(SYSUSERS); do n=$${f##*/}; sed 's,/etc/tenmint-ca,$(SYSCONFDIR)/tenmint-ca,g' \
	    "$$f" >"$(DESTDIR)$(SYSUSERSDIR)/$${n%.sysusers}.conf" || exit 1; done
	for f in $(MANUALS); do install -m 644 "$$f" "$(DESTDIR)$(MANDIR)/man$${f##*.}/" || exit 1; done
	$(foreach s,$(SHELLS),$(foreach p,$(PROGRAMS),install -m 644 $(COMPLETION_OUT)/$(s)/$(p) "$(DESTDIR)$(call COMPLETION_$(s),$(p))" &&)) :
	for f in $(EXAMPLES); do install -m 644 "$$f" "$(DESTDIR)$(DOCDIR)/examples/$${f#config/}" || exit 1; done
	install -m 644 README.md CHANGES.md "$(DESTDIR)$(DOCDIR)/"

# Folders stay: others may have put something there.
uninstall:
	rm -f $(foreach f,$(INSTALLED),"$(DESTDIR)$(f)") "$(DESTDIR)$(PREFIX)/include/$(notdir $(VERIFY_HEADER))" \
	    $(foreach f,libtenmint-verify.a libtenmint-verify.so libtenmint-verify.so.$(SOVERSION) pkgconfig/libtenmint-verify.pc,"$(DESTDIR)$(LIBDIR)/$(f)")
	-find $(foreach d,$(EXAMPLE_FOLDERS),"$(DESTDIR)$(DOCDIR)/examples/$(d)") -depth -type d -exec rmdir {} +
	-rmdir "$(DESTDIR)$(DOCDIR)/examples" "$(DESTDIR)$(DOCDIR)"

# Debian packages of the tree as it is, in $(BUILD)/deb.
.PHONY: deb
deb:
	@sh config/deb.sh $(BUILD)/deb
