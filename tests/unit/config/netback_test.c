/* SPDX-License-Identifier: Apache-2.0 */
/* netback_test.c - the handshake with Xen guests, honest and hostile, against a xenstored in this process. */
#include "config/netback.h"
#include "config/netback_front.h"
#include "tests/lib/fake_xenstored.h"
#include "tests/lib/unit.h"
#include "vswitch/base/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACK "backend/vif/3/0"
#define FRONT "/local/domain/3/device/vif/0"

struct scene {
	char socket[64];
	struct fake_xenstored *store;
	struct event_base *base;
	struct netback *netback;
	unsigned n_changes, n_seen;
	bool serves; /* the engine takes what is ready */
	bool is_served;
};

static void on_change(void *arg)
{
	((struct scene *)arg)->n_changes++;
}

/* What reconcile does after each change. */
static void reconcile(struct scene *s)
{
	const struct netback_dev *d = netback_find(s->netback, "vif3.0");

	s->is_served = s->serves && d != NULL && d->is_ready;
	netback_begin(s->netback);
	netback_claim(s->netback, "vif3.0", 4);
	if (s->is_served)
		netback_serve(s->netback, 3, 0);
	netback_end(s->netback);
}

/* Let everything happen that is going to. */
static void settle(struct scene *s)
{
	for (unsigned quiet = 0; quiet < 5;) {
		uint64_t requests = fake_requests(s->store);
		unsigned n = s->n_seen;

		event_base_loop(s->base, EVLOOP_NONBLOCK);
		if (s->n_changes != n) {
			s->n_seen = s->n_changes;
			reconcile(s);
		}
		usleep(1000);
		quiet = requests == fake_requests(s->store) && n == s->n_changes ? quiet + 1 : 0;
	}
}

static void back(struct scene *s, const char *key, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), BACK "/%s", key);
	fake_set(s->store, path, value);
}

static void front(struct scene *s, const char *key, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), FRONT "/%s", key);
	fake_set(s->store, path, value);
}

static bool back_is(struct scene *s, const char *key, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), BACK "/%s", key);
	return strcmp(fake_get(s->store, path), value) == 0;
}

static void toolstack_adds(struct scene *s)
{
	fake_set(s->store, "/local/domain/3/name", "web");
	fake_set(s->store, "/local/domain/3/vm", "/vm/01234567-89ab-cdef-0123-456789abcdef");
	front(s, "state", "1");
	back(s, "frontend", FRONT);
	back(s, "script", "/etc/xen/scripts/vif-saklar");
	back(s, "online", "1");
	back(s, "hotplug-status", "");
	back(s, "state", "1");
}

static void guest_connects(struct scene *s)
{
	static const char *const keys[][2] = { { "tx-ring-ref", "8" }, { "rx-ring-ref", "9" },
		{ "event-channel-tx", "5" }, { "event-channel-rx", "6" },
		{ "request-rx-copy", "1" }, { "feature-sg", "1" }, { "feature-gso-tcpv4", "1" } };

	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		front(s, keys[i][0], keys[i][1]);
	front(s, "state", "4");
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	snprintf(s->socket, sizeof(s->socket), "/tmp/saklar-netback-%d", (int)getpid());
	setenv("XENSTORED_PATH", s->socket, 1);
	s->store = fake_xenstored_start(s->socket);
	s->base = event_base_new();
	s->serves = true;
	s->netback = netback_create(s->base, on_change, s);
	assert_non_null(s->netback);
	assert_string_equal(netback_why(s->netback), "");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	netback_destroy(s->netback);
	event_base_free(s->base);
	fake_xenstored_stop(s->store);
	free(s);
	return 0;
}

static void connect_all(struct scene *s)
{
	toolstack_adds(s);
	settle(s);
	back(s, "hotplug-status", "connected");
	guest_connects(s);
	settle(s);
	assert_true(back_is(s, "state", "4"));
}

static void a_new_device_is_offered_features_before_state_2(void **state)
{
	struct scene *s = *state;

	toolstack_adds(s);
	settle(s);
	assert_true(back_is(s, "state", "2"));
	assert_true(back_is(s, "feature-rx-copy", "1"));
	assert_true(back_is(s, "feature-split-event-channels", "1"));
	assert_true(back_is(s, "multi-queue-max-queues", "4"));
	assert_string_equal(netback_find(s->netback, "vif3.0")->domain, "web");
	assert_string_equal(
		netback_find(s->netback, "vif3.0")->uuid, "01234567-89ab-cdef-0123-456789abcdef");
}

static void another_script_or_no_vif_is_left_alone(void **state)
{
	struct scene *s = *state;

	front(s, "state", "1");
	fake_set(s->store, "backend/vif/3/1/frontend", FRONT);
	fake_set(s->store, "backend/vif/3/1/script", "/etc/xen/scripts/vif-bridge");
	fake_set(s->store, "backend/vif/3/1/state", "1");
	settle(s);
	assert_string_equal(fake_get(s->store, "backend/vif/3/1/state"), "1");
}

static void the_guest_is_connected_when_the_engine_has_its_rings(void **state)
{
	struct scene *s = *state;
	const struct netback_dev *d;

	s->serves = false;
	toolstack_adds(s);
	guest_connects(s);
	settle(s);
	d = netback_find(s->netback, "vif3.0");
	assert_non_null(d);
	assert_false(d->is_ready);
	assert_non_null(strstr(d->why, "hotplug script"));
	back(s, "hotplug-status", "connected");
	settle(s);
	assert_true(d->is_ready);
	assert_int_equal(d->front.queue[0].tx_ref, 8);
	assert_int_equal(d->front.queue[0].rx_port, 6);
	assert_int_equal(d->front.features, MSG_XEN_SG | MSG_XEN_GSO_TCP4 | MSG_XEN_CSUM_IP4);
	assert_true(back_is(s, "state", "2"));
	s->serves = true;
	reconcile(s);
	settle(s);
	assert_true(back_is(s, "state", "4"));
}

static void several_queues_are_read_from_their_folders(void **state)
{
	struct scene *s = *state;
	const struct netback_dev *d;

	toolstack_adds(s);
	settle(s);
	back(s, "hotplug-status", "connected");
	front(s, "request-rx-copy", "1");
	front(s, "multi-queue-num-queues", "2");
	for (unsigned i = 0; i < 2; i++) {
		char key[48], value[8];

		for (unsigned k = 0; k < 3; k++) {
			static const char *const names[]
				= { "tx-ring-ref", "rx-ring-ref", "event-channel" };

			snprintf(key, sizeof(key), "queue-%u/%s", i, names[k]);
			snprintf(value, sizeof(value), "%u", 100 * (i + 1) + k);
			front(s, key, value);
		}
	}
	front(s, "state", "4");
	settle(s);
	d = netback_find(s->netback, "vif3.0");
	assert_true(d->is_ready);
	assert_int_equal(d->front.n_queues, 2);
	assert_int_equal(d->front.queue[1].rx_ref, 201);
	assert_int_equal(d->front.queue[1].tx_port, 202);
	assert_int_equal(d->front.queue[1].rx_port, 202);
}

static void a_detached_device_is_closed_behind_the_engine(void **state)
{
	struct scene *s = *state;

	connect_all(s);
	back(s, "online", "0");
	back(s, "state", "5");
	/* without reconcile nobody has closed the rings */
	for (unsigned i = 0; i < 50; i++) {
		event_base_loop(s->base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_true(back_is(s, "state", "5"));
	settle(s);
	assert_true(back_is(s, "state", "6"));
	fake_set(s->store, BACK, NULL);
	settle(s);
	assert_null(netback_find(s->netback, "vif3.0"));
	assert_true(back_is(s, "state", ""));
}

static void a_folder_that_vanishes_is_not_made_anew(void **state)
{
	struct scene *s = *state;

	connect_all(s);
	fake_set(s->store, BACK, NULL);
	fake_set(s->store, FRONT, NULL);
	settle(s);
	assert_null(netback_find(s->netback, "vif3.0"));
	assert_true(back_is(s, "state", ""));
	connect_all(s);
}

static void a_driver_that_is_loaded_anew_connects_anew(void **state)
{
	struct scene *s = *state;
	uint64_t before;

	connect_all(s);
	before = netback_find(s->netback, "vif3.0")->incarnation;
	front(s, "state", "5");
	settle(s);
	assert_true(back_is(s, "state", "5"));
	assert_false(s->is_served);
	front(s, "state", "6");
	settle(s);
	assert_true(back_is(s, "state", "6"));
	front(s, "state", "1");
	settle(s);
	assert_true(back_is(s, "state", "2"));
	front(s, "tx-ring-ref", "77");
	front(s, "state", "4");
	settle(s);
	assert_true(back_is(s, "state", "4"));
	assert_true(netback_find(s->netback, "vif3.0")->incarnation != before);
}

static void values_that_make_no_sense_are_refused_with_the_key(void **state)
{
	static char long_value[2049];
	static const struct {
		const char *key, *value, *text;
	} cases[] = {
		{ "multi-queue-num-queues", "0", "asks for 0 queues; 1 to 4 are possible" },
		{ "multi-queue-num-queues", "5", "asks for 5 queues" },
		{ "multi-queue-num-queues", "4294967294", "asks for 4294967294 queues" },
		{ "multi-queue-num-queues", "4294967295", "which is no number" },
		{ "multi-queue-num-queues", "-1", "multi-queue-num-queues=-1, which is no number" },
		{ "multi-queue-num-queues", "2", "has not written tx-ring-ref" },
		{ "tx-ring-ref", NULL, "has not written tx-ring-ref" },
		{ "rx-ring-ref", "x\x01", "rx-ring-ref=x?, which is no number" },
		{ "rx-ring-ref", "99999999999999999999", "which is no number" },
		{ "rx-ring-ref", " 9", "which is no number" },
		{ "rx-ring-ref", "", "which is no number" },
		{ "event-channel-rx", NULL, "has not written event-channel-rx" },
		{ "event-channel-tx", long_value, "which is no number" },
		{ "request-rx-copy", "0", "request-rx-copy=1" },
		{ "request-rx-copy", NULL, "request-rx-copy=1" },
		{ "feature-sg", "2", "feature-sg=2, which is no number up to 1" },
		{ "xdp-headroom", "65535", "xdp-headroom=65535" },
		{ "ctrl-ring-ref", "4", "has not written event-channel-ctrl" },
	};
	struct scene *s = *state;

	memset(long_value, '7', sizeof(long_value) - 1);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		const struct netback_dev *d;

		toolstack_adds(s);
		settle(s);
		back(s, "hotplug-status", "connected");
		guest_connects(s);
		front(s, "state", "1");
		front(s, cases[i].key, cases[i].value);
		front(s, "state", "4");
		settle(s);
		d = netback_find(s->netback, "vif3.0");
		assert_false(d->is_ready);
		if (strstr(d->why, cases[i].text) == NULL)
			fail_msg("%s: '%s' lacks '%s'", cases[i].key, d->why, cases[i].text);
		assert_true(d->is_refused);
		assert_true(back_is(s, "state", "5"));
		fake_set(s->store, BACK, NULL);
		fake_set(s->store, FRONT, NULL);
		settle(s);
		assert_null(netback_find(s->netback, "vif3.0"));
	}
}

static void a_refused_guest_may_connect_again(void **state)
{
	struct scene *s = *state;

	connect_all(s);
	netback_refuse(s->netback, "vif3.0", "it lied");
	settle(s);
	assert_false(s->is_served);
	assert_true(back_is(s, "state", "5"));
	front(s, "state", "6");
	settle(s);
	assert_true(back_is(s, "state", "6"));
	front(s, "state", "1");
	settle(s);
	guest_connects(s);
	settle(s);
	assert_true(back_is(s, "state", "4"));
}

static void a_guest_that_writes_without_end_is_looked_at_seldom(void **state)
{
	struct scene *s = *state;
	uint64_t before;

	connect_all(s);
	before = fake_requests(s->store);
	for (unsigned i = 0; i < 20000; i++) {
		front(s, "state", i % 2 != 0 ? "4" : "3");
		if (i % 10 == 0)
			event_base_loop(s->base, EVLOOP_NONBLOCK);
	}
	for (unsigned i = 0; i < 50; i++)
		event_base_loop(s->base, EVLOOP_NONBLOCK);
	/* about ten requests a look, a burst of 100 looks, and 20 a second after that */
	assert_true(fake_requests(s->store) - before < 10 * (100 + 20 * 30));
	assert_true(netback_find(s->netback, "vif3.0") != NULL);
}

static void states_that_jump_about_end_in_order(void **state)
{
	static const char *const states[]
		= { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "x" };
	struct scene *s = *state;
	unsigned seed = 1;

	connect_all(s);
	for (unsigned i = 0; i < 3000; i++) {
		seed = seed * 1103515245 + 12345;
		front(s, "state", states[(seed >> 16) % ARRAY_LEN(states)]);
		if ((seed >> 8) % 16 == 0)
			back(s, "state", states[(seed >> 12) % 7]);
		if ((seed >> 9) % 64 == 0) {
			fake_set(s->store, BACK, NULL);
			toolstack_adds(s);
			back(s, "hotplug-status", "connected");
		}
		event_base_loop(s->base, EVLOOP_NONBLOCK);
		reconcile(s);
	}
	fake_set(s->store, BACK, NULL);
	fake_set(s->store, FRONT, NULL);
	for (uint64_t end = clock_now_ns() + 5 * NS_PER_SEC;
		netback_find(s->netback, "vif3.0") != NULL && clock_now_ns() < end;)
		settle(s);
	connect_all(s);
}

static void a_xenstored_that_went_is_found_again(void **state)
{
	struct scene *s = *state;
	const struct netback_dev *d;

	connect_all(s);
	fake_xenstored_stop(s->store);
	for (uint64_t end = clock_now_ns() + 5 * NS_PER_SEC;
		netback_why(s->netback)[0] == '\0' && clock_now_ns() < end;)
		event_base_loop(s->base, EVLOOP_NONBLOCK);
	assert_non_null(strstr(netback_why(s->netback), "xenstored is gone"));
	d = netback_find(s->netback, "vif3.0");
	assert_non_null(d);
	assert_true(d->is_ready); /* its traffic goes on */
	s->store = fake_xenstored_start(s->socket);
	toolstack_adds(s);
	back(s, "hotplug-status", "connected");
	guest_connects(s);
	back(s, "state", "4");
	for (uint64_t end = clock_now_ns() + 5 * NS_PER_SEC;
		netback_why(s->netback)[0] != '\0' && clock_now_ns() < end;)
		event_base_loop(s->base, EVLOOP_NONBLOCK);
	assert_string_equal(netback_why(s->netback), "");
	settle(s);
	assert_true(netback_find(s->netback, "vif3.0")->is_ready);
	assert_true(back_is(s, "state", "4"));
}

static void a_host_without_xen_says_so(void **)
{
	struct event_base *base = event_base_new();
	struct scene s = { 0 };
	struct netback *n;

	setenv("XENSTORED_PATH", "/nonexistent/socket", 1);
	n = netback_create(base, on_change, &s);
	assert_non_null(strstr(netback_why(n), "xenstored cannot be reached at /nonexistent"));
	netback_destroy(n);
	unsetenv("XENSTORED_PATH");
	n = netback_create(base, on_change, &s);
	assert_non_null(strstr(netback_why(n), "there is no Xen on this host"));
	netback_destroy(n);
	event_base_free(base);
}

static void numbers_are_decimal_and_nothing_else(void **)
{
	uint32_t n = 7;

	assert_int_equal(netback_number("0", 10, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(netback_number("10", 10, &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(netback_number("11", 10, &n), -EINVAL);
	assert_int_equal(netback_number("01", 10, &n), -EINVAL);
	assert_int_equal(netback_number("+1", 10, &n), -EINVAL);
	assert_int_equal(netback_number("1 ", 10, &n), -EINVAL);
	assert_int_equal(netback_number("18446744073709551616", UINT32_MAX, &n), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(a_new_device_is_offered_features_before_state_2),
		TEST(another_script_or_no_vif_is_left_alone),
		TEST(the_guest_is_connected_when_the_engine_has_its_rings),
		TEST(several_queues_are_read_from_their_folders),
		TEST(a_detached_device_is_closed_behind_the_engine),
		TEST(a_folder_that_vanishes_is_not_made_anew),
		TEST(a_driver_that_is_loaded_anew_connects_anew),
		TEST(values_that_make_no_sense_are_refused_with_the_key),
		TEST(a_refused_guest_may_connect_again),
		TEST(a_guest_that_writes_without_end_is_looked_at_seldom),
		TEST(states_that_jump_about_end_in_order),
		TEST(a_xenstored_that_went_is_found_again),
		cmocka_unit_test(a_host_without_xen_says_so),
		cmocka_unit_test(numbers_are_decimal_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
