#include "tuf/verify/bundle/rekor_body.h"

#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/verify/trust/jsontypes.h"

#define BODY_MAX ((size_t)16 << 20)
#define BYTES_MAX 65536

#define IN(member) JSONMAP_AT(struct tuf_rekor_body, member)
#define BY(member) JSONMAP_AT(struct tuf_rekor_signature, member)
#define OBJECT(member, table) \
    { \
        .name = (member), .kind = JSONMAP_OBJECT, .map = &(table), .flags = JSONMAP_REQUIRED \
    }
#define EITHER(member, table) \
    { \
        .name = (member), .kind = JSONMAP_OBJECT, .map = &(table) \
    }
#define BYTES(member, at) \
    { \
        .name = (member), at, .kind = JSONMAP_BASE64, .max = BYTES_MAX \
    }
#define TEXT(member, at) \
    { \
        .name = (member), at, .kind = JSONMAP_TEXT, .flags = JSONMAP_REQUIRED \
    }
#define SIGNED(table) \
    { \
        .name = "signature", IN(signature), .kind = JSONMAP_OBJECT, .map = &(table) \
    }
#define ONE_OF(one) \
    { \
        .name = "signatures", IN(signatures), .kind = JSONMAP_LIST, .each = &(one), \
        .size = sizeof(struct tuf_rekor_signature), .min = 1, .max = 1, .flags = JSONMAP_REQUIRED \
    }
#define BODY_OF(name, ...) TUF_JSON_MESSAGE(name, struct tuf_rekor_body, __VA_ARGS__)
#define SIGNATURE_OF(name, ...) \
    TUF_JSON_MESSAGE(name, struct tuf_rekor_signature, __VA_ARGS__); \
    static const struct tm_jsonmap_member a_##name \
        __attribute__((unused)) = {.kind = JSONMAP_OBJECT, .map = &name##_map}

BODY_OF(hash_1, TEXT("algorithm", IN(algorithm)),
        {.name = "value", IN(digest), .kind = JSONMAP_HEX, .max = 64});
BODY_OF(hash_2, TEXT("algorithm", IN(algorithm)), BYTES("digest", IN(digest)));
SIGNATURE_OF(certificate, BYTES("rawBytes", BY(certificate)));
SIGNATURE_OF(key, BYTES("rawBytes", BY(key)));
SIGNATURE_OF(verifier_2, EITHER("x509Certificate", certificate_map), EITHER("publicKey", key_map));
SIGNATURE_OF(signature_2, BYTES("content", BY(content)), OBJECT("verifier", verifier_2_map));

BODY_OF(data_1, OBJECT("hash", hash_1_map));
SIGNATURE_OF(pem_1, BYTES("content", BY(pem)));
SIGNATURE_OF(signature_1, BYTES("content", BY(content)), OBJECT("publicKey", pem_1_map));
BODY_OF(hashedrekord_1_spec, OBJECT("data", data_1_map), SIGNED(signature_1_map));

BODY_OF(hashedrekord_2, OBJECT("data", hash_2_map), SIGNED(signature_2_map));
BODY_OF(hashedrekord_2_spec, OBJECT("hashedRekordV002", hashedrekord_2_map));

SIGNATURE_OF(dsse_signature, BYTES("signature", BY(content)), BYTES("verifier", BY(pem)));
BODY_OF(dsse_1_spec, OBJECT("payloadHash", hash_1_map), ONE_OF(a_dsse_signature));

BODY_OF(dsse_2, OBJECT("payloadHash", hash_2_map), ONE_OF(a_signature_2));
BODY_OF(dsse_2_spec, OBJECT("dsseV002", dsse_2_map));

SIGNATURE_OF(intoto_signature, BYTES("sig", BY(content)), BYTES("publicKey", BY(pem)));
BODY_OF(intoto_envelope, TEXT("payloadType", IN(payload_type)), ONE_OF(a_intoto_signature));
BODY_OF(intoto_content, OBJECT("envelope", intoto_envelope_map), OBJECT("payloadHash", hash_1_map));
BODY_OF(intoto_2_spec, OBJECT("content", intoto_content_map));

#define WHOLE(name) \
    BODY_OF(name##_body, TEXT("kind", IN(kind)), TEXT("apiVersion", IN(version)), \
            OBJECT("spec", name##_spec_map))
WHOLE(hashedrekord_1);
WHOLE(hashedrekord_2);
WHOLE(dsse_1);
WHOLE(dsse_2);
WHOLE(intoto_2);

static const struct tm_jsonmap *const maps[REKOR_KIND_COUNT] = {
    [REKOR_HASHEDREKORD_1] = &hashedrekord_1_body_map,
    [REKOR_HASHEDREKORD_2] = &hashedrekord_2_body_map,
    [REKOR_DSSE_1] = &dsse_1_body_map,
    [REKOR_DSSE_2] = &dsse_2_body_map,
    [REKOR_INTOTO_2] = &intoto_2_body_map,
};

/* What is of another kind has other members. */
BODY_OF(head, TEXT("kind", IN(kind)), TEXT("apiVersion", IN(version)));

static int check_head(const json_t *v, const char *name, const char *version, struct tm_err *e)
{
    struct tuf_rekor_body head = {0};
    int rc = tm_jsonmap_read(v, &head_map, NULL, &head, e);
    if (rc == 0 && (strcmp(head.kind, name) != 0 || strcmp(head.version, version) != 0))
        rc = tm_err_set(e, "it is of another kind than the bundle says");
    tm_jsonmap_free(&head_map, &head);
    return rc;
}

int tuf_rekor_body_parse(enum tuf_rekor_kind kind, const char *name, const char *version,
                         const void *json, size_t len, struct tuf_rekor_body *out, struct tm_err *e)
{
    json_t *v = tm_strictjson_parse(json, len, BODY_MAX, e);
    int rc = v != NULL && check_head(v, name, version, e) == 0
                 ? tm_jsonmap_read(v, maps[kind], NULL, out, e)
                 : -1;
    json_decref(v);
    if (rc != 0) {
        tm_jsonmap_free(maps[kind], out);
        return rc;
    }
    if (out->signatures.count == 1) {
        out->signature = out->signatures.item[0];
        out->signatures.item[0] = (struct tuf_rekor_signature){0};
    }
    return 0;
}

void tuf_rekor_body_free(struct tuf_rekor_body *body)
{
    struct tuf_rekor_signature *s = &body->signature;
    /* With the signature, which was moved out of the list, this names every place. */
    tm_jsonmap_free(&intoto_2_body_map, body);
    tm_buf_free(&s->content);
    tm_buf_free(&s->pem);
    tm_buf_free(&s->certificate);
    tm_buf_free(&s->key);
}
