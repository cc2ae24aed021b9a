/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_dispatch.c - one line of JSON in, one line of JSON out.
 *
 * From: rpc.c (a whole line).  To: the handlers in rpc_methods[].
 * Theory: JSON-RPC 2.0.  The order of the checks is that of its section 5.1: parse error, invalid
 * request, method not found, then ours: role, params, and what the handler says.
 * Deviation: params must be an object; by-position params are refused with -32602, because fields
 * have names and no order.
 * Invariants: no handler runs for a request that is not whole; a batch is answered in order.
 * Thread: the daemon has one. */
#include "config/rpc.h"
#include "config/rpc_methods.h"
#include "vswitch/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

LOG_MODULE("rpc");

static enum rpc_code code_of(int rc)
{
	switch (-rc) {
	case EINVAL:
	case ENOTSUP: return RPC_INVALID_PARAMS;
	case ENOENT: return RPC_NOT_FOUND;
	case EEXIST: return RPC_EXISTS;
	case EACCES:
	case EPERM: return RPC_FORBIDDEN;
	case ENOSPC:
	case EROFS:
	case EIO:
	case EUCLEAN: return RPC_NOT_STORED;
	case ENOMEM: return RPC_INTERNAL_ERROR;
	default: return RPC_REFUSED;
	}
}

/* Make @text ASCII: it quotes what the user sent, maybe cut within a character. */
static void make_ascii(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			*text = '?';
}

static json_t *print_error(enum rpc_code code, const struct err *e)
{
	const char *errname = strerrorname_np(-e->code);

	return json_pack("{s:i, s:s, s:{s:s, s:s, s:i}}", "code", (int)code, "message", e->msg,
		"data", "path", e->path, "code", errname ? errname : "EINVAL", "errno", -e->code);
}

/* {"jsonrpc": "2.0", "id": @id, "error": {...}}; @id is borrowed, NULL: null. */
static json_t *error_answer(const json_t *id, enum rpc_code code, struct err *e)
{
	json_t *error = print_error(code, e);

	if (!error) {
		make_ascii(e->msg);
		make_ascii(e->path);
		error = print_error(code, e);
	}
	return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id",
		id ? json_deep_copy(id) : json_null(), "error", error);
}

static json_t *refuse(
	const json_t *id, enum rpc_code code, int rc, const char *fmt, const char *word)
{
	struct err e = ERR_NONE;

	(void)err_set(&e, rc, "", "%s%.60s", fmt, word);
	return error_answer(id, code, &e);
}

static const struct rpc_method *find_method(const char *name)
{
	for (size_t i = 0; i < rpc_n_methods; i++)
		if (strcmp(rpc_methods[i].name, name) == 0)
			return &rpc_methods[i];
	return NULL;
}

static bool may_call(const struct rpc_session *s, const struct rpc_method *m)
{
	return s->role >= m->role; /* the enum is in the order of the rights */
}

/* @text without what could break a line of the log. */
static const char *quoted(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	for (; text[n] && n + 1 < size; n++)
		buf[n] = isprint((unsigned char)text[n]) && text[n] != '"' ? text[n] : '?';
	buf[n] = '\0';
	return buf;
}

static void log_change(const struct rpc_call *call, int rc, const struct err *e)
{
	const char *name = json_string_value(json_object_get(call->params, "name"));
	char shown[24], reason[sizeof(e->msg)];

	LOG_INFO("event=write method=%s name=%s uid=%u gid=%u pid=%d result=%s reason=\"%s\"",
		call->method->name, quoted(name ? name : "-", shown, sizeof(shown)),
		call->session->peer.uid, call->session->peer.gid, call->session->peer.pid,
		rc == 0 ? "ok" : "refused", quoted(rc == 0 ? "" : e->msg, reason, sizeof(reason)));
}

/* Run a request that is whole.  Returns the answer. */
static json_t *run(struct daemon *d, struct rpc_call *call, const json_t *id)
{
	struct err e = ERR_NONE;
	json_t *result = NULL;
	json_t *answer;
	int rc = call->method->run(d, call, &result, &e);

	if (call->method->is_write)
		log_change(call, rc, &e);
	if (rc != 0) {
		if (e.code == 0)
			(void)err_set(&e, rc, "", "%s failed: %s", call->method->name,
				strerrordesc_np(-rc));
		json_decref(result);
		return error_answer(id, code_of(rc), &e);
	}
	answer = json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id",
		id ? json_deep_copy(id) : json_null(), "result", result ? result : json_null());
	return answer;
}

/* One request object.  Returns the answer, or NULL for a notification. */
static json_t *dispatch_one(
	struct daemon *d, struct rpc_session *session, const json_t *request, struct rpc_call *call)
{
	static const char *const sockets[] = { "ro.sock", "cap.sock", "rw.sock" };
	const json_t *id = json_object_get(request, "id");
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	const char *name = json_string_value(json_object_get(request, "method"));
	const json_t *params = json_object_get(request, "params");
	bool is_id_ok = !id || json_is_string(id) || json_is_number(id) || json_is_null(id);
	json_t *empty = NULL;
	json_t *answer;

	if (!json_is_object(request) || !version || strcmp(version, "2.0") != 0 || !name
		|| !is_id_ok)
		return refuse(is_id_ok ? id : NULL, RPC_INVALID_REQUEST, -EINVAL,
			"not a JSON-RPC 2.0 request: send {\"jsonrpc\": \"2.0\", \"id\": 1, "
			"\"method\": "
			"\"status\"}",
			"");
	call->session = session;
	call->method = find_method(name);
	if (!call->method)
		answer = refuse(id, RPC_METHOD_NOT_FOUND, -ENOSYS,
			"there is no such method; docs/rpc.md lists them: ", name);
	else if (!may_call(session, call->method))
		answer = refuse(id, RPC_FORBIDDEN, -EACCES,
			call->method->role == RPC_ROLE_RW
				? "this socket may not change anything: use rw.sock for "
				: "this socket may not capture: use cap.sock or rw.sock for ",
			name);
	else if (params && !json_is_object(params))
		answer = refuse(id, RPC_INVALID_PARAMS, -EINVAL,
			"params must be an object with named fields for ", name);
	else {
		empty = params ? NULL : json_object();
		call->params = params ? params : empty;
		call->may_send_fds = call->may_send_fds && id;
		answer = run(d, call, id);
		call->params = NULL;
		json_decref(empty);
	}
	LOG_DEBUG("event=call method=%s socket=%s uid=%u", call->method ? call->method->name : "-",
		sockets[session->role], session->peer.uid);
	if (id)
		return answer;
	json_decref(answer);
	return NULL;
}

/* The text of @answer, which is consumed; NULL when there is none. */
static char *text_of(json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	return text;
}

/* The answers to the requests of @batch into @out; each is text before the next is asked for, and
 * no more are asked for when they are RPC_BATCH_ANSWER_MAX bytes long. */
static void dispatch_each(struct daemon *d, struct rpc_session *session, const json_t *batch,
	struct rpc_call *call, FILE *out)
{
	const json_t *request;
	size_t len = 0, i;

	json_array_foreach(batch, i, request)
	{
		const json_t *id = json_object_get(request, "id");
		char *text = NULL;

		if (len < RPC_BATCH_ANSWER_MAX)
			text = text_of(dispatch_one(d, session, request, call));
		else if (id)
			text = text_of(refuse(json_is_string(id) || json_is_number(id) ? id : NULL,
				RPC_TOO_MANY, -EMSGSIZE,
				"not done, because the answers to this batch are too large "
				"already: send fewer requests at once",
				""));
		if (text)
			len += (size_t)MAX(fprintf(out, "%c%s", len ? ',' : '[', text), 0);
		free(text);
	}
	if (len)
		fputc(']', out);
}

static char *dispatch_batch(
	struct daemon *d, struct rpc_session *session, const json_t *batch, struct rpc_call *call)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	if (json_array_size(batch) == 0 || json_array_size(batch) > RPC_BATCH_MAX)
		return text_of(refuse(NULL, RPC_INVALID_REQUEST, -EINVAL,
			"a batch holds 1 to 64 requests: send them in several batches", ""));
	call->may_send_fds = false;
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	dispatch_each(d, session, batch, call, out);
	if (fclose(out) == 0 && len > 0)
		return text;
	free(text);
	return NULL;
}

char *rpc_refusal(enum rpc_code code, const char *message)
{
	return text_of(refuse(NULL, code, code == RPC_TOO_MANY ? -EBUSY : -EMSGSIZE, message, ""));
}

char *rpc_dispatch(struct daemon *d, struct rpc_session *session, const char *text, size_t len,
	struct rpc_call *call)
{
	json_error_t why;
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	char *out;

	memset(call, 0, sizeof(*call));
	call->may_send_fds = true;
	if (!request) {
		struct err e = ERR_NONE;

		(void)err_set(&e, -EINVAL, "",
			"not JSON (column %d: %.120s): send one JSON text a "
			"line",
			why.column, why.text);
		out = text_of(error_answer(NULL, RPC_PARSE_ERROR, &e));
	} else if (json_is_array(request)) {
		out = dispatch_batch(d, session, request, call);
	} else {
		out = text_of(dispatch_one(d, session, request, call));
	}
	json_decref(request);
	return out;
}
