/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_fuzz.c - hostile clients of the daemon: from the bytes on a socket to a changed model.
 *
 * Input: u8 which socket, u8 how the rest is cut into writes, then what the client sends; its end is
 * the end of what it writes.  Framing, dispatch, schema and the checks of the model are the real
 * ones; store and reconcile layer are stood in for here, the latter with answers of every kind.
 * Claims: no crash; every answer is JSON-RPC; an object that was accepted fits the whole, can be
 * written and read again and is the same then; ids stay unique; no fd is left open.
 * Planted bug (SAKLAR_PLANTED_BUG): a part of a range or of a DHCP host may be of any length. */
#include "config/daemon.h"
#include "config/rpc.h"
#include "config/schema_parse.h"
#include "config/store.h"
#include "vswitch/base/check.h"
#include "vswitch/base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct daemon daemon_under_test;
static char run_dir[] = "/tmp/saklar-rpc-fuzz-XXXXXX";
static uint32_t last_capture_id;
static unsigned n_captures;

/* What stands in for store.c: every change is printed and read again. */

int store_begin(struct store *, struct err *)
{
	return 0;
}

int store_put_network(struct store *, const struct network_cfg *n, struct err *)
{
	json_t *first = schema_print_network(n);
	struct network_cfg again = { .id = n->id };
	struct err e = ERR_NONE;

	CHECK(first && schema_parse_network(first, SCHEMA_LOAD, &again, &e) == 0);
	json_t *second = schema_print_network(&again);

	CHECK(json_equal(first, second));
	json_decref(first);
	json_decref(second);
	network_cfg_fini(&again);
	return 0;
}

int store_put_vif(struct store *, const struct vif_cfg *v, const struct model *m, struct err *)
{
	json_t *first = schema_print_vif(v, m);
	struct vif_cfg again = { .id = v->id };
	struct err e = ERR_NONE;

	CHECK(first && schema_parse_vif(first, SCHEMA_LOAD, m, &again, &e) == 0);
	json_t *second = schema_print_vif(&again, m);

	CHECK(json_equal(first, second));
	json_decref(first);
	json_decref(second);
	return 0;
}

int store_put_forward(
	struct store *, const struct forward_cfg *f, const struct model *, struct err *)
{
	CHECK(f->network_id != NETWORK_ID_NONE && f->port != 0);
	return 0;
}

int store_del_forward(struct store *, const struct forward_cfg *f, struct err *)
{
	CHECK(f->network_id != NETWORK_ID_NONE);
	return 0;
}

int store_del_network(struct store *, uint16_t id, struct err *)
{
	CHECK(id != NETWORK_ID_NONE);
	return 0;
}

int store_del_vif(struct store *, uint16_t id, struct err *)
{
	CHECK(id != VIF_ID_NONE);
	return 0;
}

int store_commit(struct store *, const struct model *m, const struct store_author *,
	const char *method, const char *params, struct err *)
{
	struct err e = ERR_NONE;

	CHECK(model_check(m, &e) == 0 && method[0] && params[0] == '{');
	return 0;
}

void store_rollback(struct store *)
{
}

bool store_has(struct store *, uint64_t)
{
	return false;
}

int store_history_foreach(struct store *, unsigned max,
	void (*fn)(const struct store_history *h, void *arg), void *arg, struct err *)
{
	struct store_history h = { .generation = max, .method = "vif.add", .params = "{}" };

	fn(&h, arg);
	return 0;
}

/* What stands in for reconcile.c. */

void reconcile_apply(struct reconcile *, const struct model *)
{
}

int reconcile_check_network(struct reconcile *, const struct network_cfg *n, struct err *e)
{
	return n->mtu == 1501 ? err_set(e, -EBUSY, "network", "the host does not like it") : 0;
}

int reconcile_check_vif(struct reconcile *, const struct vif_cfg *v, struct err *e)
{
	return v->mtu == 1501 ? err_set(e, -EBUSY, "vif", "the host does not like it") : 0;
}

void reconcile_vif_actual(const struct reconcile *, uint16_t vif_id, struct vif_actual *out)
{
	*out = (struct vif_actual){ .state = (enum object_state)(vif_id % 5), .why = "because" };
}

bool reconcile_xen_view(struct reconcile *, uint16_t, struct xen_view *)
{
	return false;
}

void reconcile_network_actual(const struct reconcile *, uint16_t, struct network_actual *out)
{
	*out = (struct network_actual){ .state = STATE_UP };
}

void reconcile_engine_actual(const struct reconcile *, struct engine_actual *out)
{
	*out = (struct engine_actual){ .state = ENGINE_RUNNING, .pid = 2, .n_workers = 1 };
}

unsigned reconcile_problems(const struct reconcile *, struct problem *out, unsigned max)
{
	CHECK(max > 0);
	out[0] = (struct problem){ "engine", "is tired", "wait" };
	return 1;
}

void reconcile_vif_counters(const struct reconcile *, uint16_t vif_id, struct vif_counters *out)
{
	memset(out, vif_id, sizeof(*out));
}

void reconcile_fast_path(const struct reconcile *, struct fast_path_actual *out)
{
	*out = (struct fast_path_actual){ .why = "none here", .packets = UINT64_MAX };
}

void reconcile_stage_counters(const struct reconcile *, unsigned, struct stage_counters *out)
{
	memset(out, 0xff, sizeof(*out));
}

int reconcile_measure(struct reconcile *, uint32_t, struct err *)
{
	return 0;
}

void reconcile_worker_counters(const struct reconcile *, unsigned, struct worker_counters *out)
{
	memset(out, 0xff, sizeof(*out));
}

/* What an engine may answer: an entry of zeros and one of ones. */
static void *two_entries(size_t size, size_t *n)
{
	uint8_t *entries = calloc(2, size);

	CHECK(entries);
	memset(entries + size, 0xff, size);
	*n = 2;
	return entries;
}

int reconcile_fdb_list(struct reconcile *, uint16_t network_id, struct msg_fdb_entry **out,
	size_t *n, struct err *e)
{
	if (network_id > 2)
		return err_set(e, -ENOTCONN, "", "the engine does not run");
	*out = two_entries(sizeof(**out), n);
	return 0;
}

int reconcile_fdb_flush(struct reconcile *, const struct msg_fdb_flush *, struct err *)
{
	return 0;
}

int reconcile_check_forward(
	struct reconcile *, const struct network_cfg *, const struct forward_cfg *f, struct err *e)
{
	return f->port == 1501 ? err_set(e, -EADDRINUSE, "forward", "the host uses it") : 0;
}

int reconcile_neigh_list(struct reconcile *, struct msg_neigh_entry **out, size_t *n, struct err *)
{
	*out = two_entries(sizeof(**out), n);
	return 0;
}

int reconcile_mdb_list(
	struct reconcile *, uint16_t, struct msg_mdb_entry **out, size_t *n, struct err *)
{
	*out = two_entries(sizeof(**out), n);
	return 0;
}

int reconcile_stp_list(struct reconcile *, uint16_t network_id, struct msg_stp_entry **out,
	size_t *n, struct err *e)
{
	if (network_id > 2)
		return err_set(e, -ENOTCONN, "", "the engine does not run");
	*out = two_entries(sizeof(**out), n);
	return 0;
}

int reconcile_neigh_flush(struct reconcile *, uint16_t, struct err *)
{
	return 0;
}

int reconcile_ct_list(struct reconcile *, uint16_t network_id, uint16_t, struct msg_ct_entry **out,
	size_t *n, struct err *e)
{
	if (network_id > 2)
		return err_set(e, -ENOTCONN, "", "the engine does not run");
	*out = two_entries(sizeof(**out), n);
	return 0;
}

int reconcile_ct_flush(struct reconcile *, uint16_t, uint16_t, struct err *)
{
	return 0;
}

unsigned reconcile_routes(const struct reconcile *, struct snap_route *out, unsigned max)
{
	CHECK(max > 0);
	memset(out, 0xff, sizeof(*out));
	return 1;
}

int reconcile_capture_open(
	struct reconcile *, struct msg_capture *m, uint32_t data_size, int fds[2], struct err *)
{
	CHECK(data_size >= CAPTURE_DATA_SIZE_MIN && data_size <= CAPTURE_DATA_SIZE_MAX);
	CHECK(m->n_insns <= CAPTURE_FILTER_MAX && m->snaplen > 0);
	fds[0] = eventfd(0, EFD_CLOEXEC);
	fds[1] = eventfd(0, EFD_CLOEXEC);
	CHECK(fds[0] >= 0 && fds[1] >= 0);
	m->capture_id = ++last_capture_id;
	n_captures++;
	return 0;
}

void reconcile_capture_close(struct reconcile *, uint32_t capture_id)
{
	CHECK(capture_id != 0 && n_captures > 0);
	n_captures--;
}

void daemon_stop(struct daemon *, bool)
{
}

/* A small instance to begin with. */
static struct model *make_model(void)
{
	struct model *m = model_create();
	struct network_cfg n = { .id = 1, .name = "lab", .leg_vif_id = 1 };
	struct vif_cfg v = { .id = 2, .name = "web0" };
	struct err e = ERR_NONE;
	json_t *lab = json_pack("{s:s, s:s, s:[s], s:b}", "name", "lab", "mode", "isolated",
		"subnets", "192.168.77.0/24", "dhcp", 1);
	json_t *web0
		= json_pack("{s:s, s:s, s:s}", "name", "web0", "network", "lab", "type", "tap");

	CHECK(m && lab && web0);
	n.leg_mac.b[0] = 2;
	CHECK(schema_parse_network(lab, SCHEMA_ADD, &n, &e) == 0);
	CHECK(model_add_network(m, &n, &e) == 0);
	CHECK(schema_parse_vif(web0, SCHEMA_ADD, m, &v, &e) == 0);
	CHECK(model_add_vif(m, &v, &e) == 0);
	m->last_network_id = 1;
	m->last_vif_id = 2;
	network_cfg_fini(&n);
	json_decref(lab);
	json_decref(web0);
	return m;
}

static void check_ids(const struct model *m)
{
	bool is_used[VIF_ID_MAX] = { false };

	for (unsigned i = 0; i < m->n_vifs; i++) {
		CHECK(m->vif[i].id > 0 && m->vif[i].id < VIF_ID_MAX && !is_used[m->vif[i].id]);
		is_used[m->vif[i].id] = true;
	}
	for (unsigned i = 0; i < m->n_networks; i++) {
		uint16_t id = m->network[i].leg_vif_id;

		CHECK((id == VIF_ID_NONE) == (m->network[i].n_subnets == 0));
		CHECK(id < VIF_ID_MAX && (id == VIF_ID_NONE || !is_used[id]));
		is_used[id] = id != VIF_ID_NONE;
	}
}

static int connect_to(unsigned which)
{
	static const char *const names[] = { "rw.sock", "rw.sock", "ro.sock", "cap.sock" };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", run_dir,
		names[which % ARRAY_LEN(names)]);
	CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0);
	return fd;
}

static void check_answer(const char *line, size_t len)
{
	json_t *answer = json_loadb(line, len, 0, NULL);
	const json_t *first = json_is_array(answer) ? json_array_get(answer, 0) : answer;
	const json_t *error = json_object_get(first, "error");

	CHECK(first && json_object_get(first, "jsonrpc") && json_object_get(first, "id"));
	CHECK(!error == !!json_object_get(first, "result"));
	if (error)
		CHECK(json_string_length(json_object_get(error, "message")) > 0);
	json_decref(answer);
}

/* What was read and is no whole line yet; more than any answer to requests of one input. */
static char text[8u << 20];
static size_t text_len;

/* Take what the daemon sent (fds that nobody asks for are closed by the kernel), and check the
 * whole lines of it.  False: it has closed. */
static bool read_answers(int fd)
{
	for (;;) {
		char *end;
		ssize_t n;

		CHECK(text_len < sizeof(text));
		n = recv(fd, text + text_len, sizeof(text) - text_len, 0);
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		text_len += (size_t)n;
		while ((end = memchr(text, '\n', text_len))) {
			size_t line = (size_t)(end - text);

			check_answer(text, line);
			text_len -= line + 1;
			memmove(text, end + 1, text_len);
		}
	}
}

static void talk(int fd, const uint8_t *bytes, size_t size, size_t step)
{
	size_t sent = 0;
	bool is_open = true;

	text_len = 0;
	while (is_open) {
		ssize_t n = 0;

		if (sent < size)
			n = send(fd, bytes + sent, MIN(step, size - sent), MSG_NOSIGNAL);
		if (n > 0)
			sent += (size_t)n;
		if (sent == size || (n < 0 && errno != EAGAIN))
			(void)shutdown(fd, SHUT_WR);
		(void)event_base_loop(daemon_under_test.base, EVLOOP_NONBLOCK);
		is_open = read_answers(fd);
	}
	CHECK(text_len == 0);
}

/* The lowest one; it grows when one was left open. */
static int free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	close(fd);
	return fd;
}

static void remove_run_dir(void)
{
	rpc_server_destroy(daemon_under_test.rpc);
	event_base_free(daemon_under_test.base);
	(void)rmdir(run_dir);
}

int LLVMFuzzerInitialize(int *, char ***)
{
	struct daemon *d = &daemon_under_test;
	struct err e = ERR_NONE;

	log_init("fuzz", LOG_LEVEL_ERR);
	CHECK(mkdtemp(run_dir));
	d->paths = (struct daemon_paths){ .run_dir = run_dir, .state_dir = run_dir };
	d->base = event_base_new();
	CHECK(d->base);
	d->rpc = rpc_server_create(d->base, run_dir, d, &e);
	CHECK(d->rpc);
	CHECK(atexit(remove_run_dir) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct daemon *d = &daemon_under_test;
	int first_free_fd = free_fd();
	int fd;

	if (size < 2)
		return 0;
	d->model = make_model();
	fd = connect_to(bytes[0]);
	talk(fd, bytes + 2, size - 2, bytes[1] % 8 == 0 ? bytes[1] / 8 + 1u : size);
	close(fd);
	(void)event_base_loop(d->base, EVLOOP_NONBLOCK);
	check_ids(d->model);
	CHECK(n_captures == 0);
	CHECK(free_fd() == first_free_fd);
	model_destroy(d->model);
	d->model = NULL;
	return 0;
}
