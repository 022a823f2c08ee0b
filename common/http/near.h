/*
 * An exchange that handlers see is near (this process serves its connection) or far (another one
 * does, common/http/far.h). http.h's functions ask which; those of the server are for near ones,
 * and get these names in the files that include internal.h, which includes this before all else.
 */
#pragma once

#define tm_http_header tm_http_near_header
#define tm_http_method_of tm_http_near_method_of
#define tm_http_path tm_http_near_path
#define tm_http_mount_name tm_http_near_mount_name
#define tm_http_query tm_http_near_query
#define tm_http_body tm_http_near_body
#define tm_http_remote tm_http_near_remote
#define tm_http_elapsed_us tm_http_near_elapsed_us
#define tm_http_set_state tm_http_near_set_state
#define tm_http_state tm_http_near_state
#define tm_http_reply_stream tm_http_near_reply_stream
#define tm_http_reply_fd tm_http_near_reply_fd
#define tm_http_reply tm_http_near_reply
#define tm_http_reply_header tm_http_near_reply_header
#define tm_http_reply_trailer tm_http_near_reply_trailer
#define tm_http_limit_wait tm_http_near_limit_wait
#define tm_http_is_http2 tm_http_near_is_http2
#define tm_http_reply_canned tm_http_near_reply_canned
#define tm_http_wait_begin tm_http_near_wait_begin
#define tm_http_wait_cancel tm_http_near_wait_cancel
#define tm_http_wake tm_http_near_wake
#define tm_http_wait_expired tm_http_near_wait_expired
