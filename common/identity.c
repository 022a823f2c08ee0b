#include "common/identity.h"

const struct tm_identity_row tm_identity_table[IDENTITY_FIELD_COUNT] = {
#define IDENTITY_ROW(name, arc, enc, yaml, json, label) \
    [IDENTITY_##name] = {yaml, json, label, arc, IDENTITY_##enc},
    IDENTITY_FIELDS(IDENTITY_ROW)
#undef IDENTITY_ROW
};
