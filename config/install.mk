# make install, make uninstall: what a system gets. The library for other programs is install-lib's.
#   PREFIX=/usr/local  SYSCONFDIR=/etc  DESTDIR=   and the folders below
SYSCONFDIR ?= /etc
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/tenmint
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d

UNITS := $(wildcard config/*.service config/*.timer)
SYSUSERS := $(wildcard config/*.sysusers)
MANUALS := $(wildcard tools/*/*.[1-8])
EXAMPLES := $(wildcard config/*.yaml)
page_folder = $(MANDIR)/man$(subst .,,$(suffix $(1)))

# Everything but the library, by its place: install and uninstall read the same list.
INSTALLED = $(addprefix $(BINDIR)/,$(PROGRAMS)) $(addprefix $(UNITDIR)/,$(notdir $(UNITS))) \
    $(foreach f,$(SYSUSERS),$(SYSUSERSDIR)/$(basename $(notdir $(f))).conf) \
    $(foreach f,$(MANUALS),$(call page_folder,$(f))/$(notdir $(f))) \
    $(addprefix $(DOCDIR)/examples/,$(notdir $(EXAMPLES))) $(addprefix $(DOCDIR)/,README.md CHANGES.md)

.PHONY: install install-programs uninstall

install: install-programs install-lib

install-programs: all
	install -d $(foreach d,$(sort $(dir $(INSTALLED))),"$(DESTDIR)$(d)")
	install -m 755 $(addprefix $(BUILD)/,$(PROGRAMS)) "$(DESTDIR)$(BINDIR)/"
	for f in $(UNITS); do sed 's,/usr/local/bin/,$(BINDIR)/,g; s,/etc/tenmint-ca,$(SYSCONFDIR)/tenmint-ca,g' \
	    "$$f" >"$(DESTDIR)$(UNITDIR)/$${f##*/}" || exit 1; done
	for f in $(SYSUSERS); do n=$${f##*/}; sed 's,/etc/tenmint-ca,$(SYSCONFDIR)/tenmint-ca,g' \
	    "$$f" >"$(DESTDIR)$(SYSUSERSDIR)/$${n%.sysusers}.conf" || exit 1; done
	for f in $(MANUALS); do install -m 644 "$$f" "$(DESTDIR)$(MANDIR)/man$${f##*.}/" || exit 1; done
	install -m 644 $(EXAMPLES) "$(DESTDIR)$(DOCDIR)/examples/"
	install -m 644 README.md CHANGES.md "$(DESTDIR)$(DOCDIR)/"

# Folders stay: others may have put something there.
uninstall:
	rm -f $(foreach f,$(INSTALLED),"$(DESTDIR)$(f)") "$(DESTDIR)$(PREFIX)/include/$(notdir $(VERIFY_HEADER))" \
	    $(foreach f,libtenmint-verify.a libtenmint-verify.so libtenmint-verify.so.$(SOVERSION) pkgconfig/libtenmint-verify.pc,"$(DESTDIR)$(LIBDIR)/$(f)")
	-rmdir "$(DESTDIR)$(DOCDIR)/examples" "$(DESTDIR)$(DOCDIR)"
