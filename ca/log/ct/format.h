/*
 * Logs of certificates, as the engine knows them: RFC 6962 in the layout of static-ct-api.
 */
#pragma once

#include "ca/log/engine/format.h"

extern const struct ca_log_format ca_log_format_ct;
