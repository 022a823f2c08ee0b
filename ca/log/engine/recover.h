/*
 * Start-up: the log in memory as the directory has it.
 */
#pragma once

#include "ca/log/engine/publisher.h"
#include "ca/log/engine/sequencer.h"

/* Reads journal, tiles and what was shown, makes the journal anew and publishes a checkpoint of
 * everything that is durable. -1: the directory is no longer the log that was shown. */
int ca_log_recover(struct ca_log_sequencer *s, struct ca_log_publisher *p, struct tm_err *e);
