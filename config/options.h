/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line of saklard. */
#pragma once

#include "config/reconcile.h"
#include "vswitch/base/log.h"

#define OPTION_PATH_LEN 4096

enum saklard_action {
	ACTION_RUN,
	ACTION_STOP, /* --stop */
	ACTION_DUMP_DOC, /* --dump-rpc-doc */
	ACTION_VERSION,
	ACTION_HELP,
};

struct options {
	enum saklard_action action;
	struct daemon_paths paths; /* points into the texts below */
	bool is_foreground;
	bool has_state_dir; /* --state-dir was given */
	bool stops_engine; /* --stop-engine: at the end of this daemon */
	enum log_level log_level;
	char run_dir[OPTION_PATH_LEN], state_dir[OPTION_PATH_LEN], engine[OPTION_PATH_LEN];
};

/* 0, or -EINVAL with @e. */
[[nodiscard]] int options_parse(struct options *o, int argc, char **argv, struct err *e);
extern const char options_help[];
