/*
 * DER object identifiers of the certificate profile, tag and length included.
 */
#pragma once

#define OID_KEY_USAGE "\x06\x03\x55\x1d\x0f"
#define OID_EXT_KEY_USAGE "\x06\x03\x55\x1d\x25"
#define OID_SUBJECT_KEY_ID "\x06\x03\x55\x1d\x0e"
#define OID_AUTHORITY_KEY_ID "\x06\x03\x55\x1d\x23"
#define OID_SUBJECT_ALT_NAME "\x06\x03\x55\x1d\x11"
/* 1.3.6.1.5.5.7.3.3 */
#define OID_CODE_SIGNING "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x03"
/* 1.3.6.1.4.1.57264.1: the arc byte follows */
#define OID_SIGSTORE_ARC "\x06\x0a\x2b\x06\x01\x04\x01\x83\xbf\x30\x01"
#define OID_SIGSTORE_OTHER_NAME OID_SIGSTORE_ARC "\x07"
/* RFC 6962 §3.1, §3.3: 1.3.6.1.4.1.11129.2.4.3 and .2 */
#define OID_CT_POISON "\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"
#define OID_CT_SCT_LIST "\x06\x0a\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02"
