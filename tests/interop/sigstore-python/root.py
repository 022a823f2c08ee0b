"""usage: root.py URL ROOT TRUSTED-ROOT

sigstore-python starts from ROOT, gets its trust configuration from the TUF repository at URL, again
from its cache, and from the file TRUSTED-ROOT: three times the same.
"""
import sys
from pathlib import Path

from sigstore.models import ClientTrustConfig, TrustedRoot

url, first, wanted = sys.argv[1:]
config = ClientTrustConfig.from_tuf(url, bootstrap_root=Path(first))
root = config.trusted_root
assert root.get_fulcio_certs() and root.get_timestamp_authorities()
assert config.signing_config.get_fulcio().url and config.signing_config.get_tsas()
assert root._inner == TrustedRoot.from_file(wanted)._inner
assert root._inner == ClientTrustConfig.from_tuf(url, offline=True).trusted_root._inner
print("sigstore-python has the trusted root:", len(root._inner.certificate_authorities), "CAs")
