/*
 * By what who asked and who reads the log speak of one request.
 */
#pragma once

#define REQUEST_ID_SIZE 25 /* 24 hex digits and a NUL */

/* A new one: its second, and chance. */
void tm_request_id(char out[REQUEST_ID_SIZE]);
