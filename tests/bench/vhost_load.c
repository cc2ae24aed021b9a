/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_load.c - many vhost-user guests in one thread, cheap enough to be faster than any switch.
 *
 *   vhost_load [--listen] flood  LEN|imix MACS SECONDS PATH...   pairs: 0 and 1, 2 and 3, ...
 *   vhost_load [--listen] all    LEN|imix MACS SECONDS PATH...   each to all others in turn
 *   vhost_load [--listen] rtt    PINGS PATH PATH [PATH PATH]     0 and 1 at 1 kHz; 2 floods 3
 *   vhost_load [--listen] idle   SECONDS PATH...                 0 broadcasts 10 times a second
 *
 * --listen: the switch connects, else we do.  MACS: addresses of each guest, used in turn.
 * Says "ready", then a line each 250 ms: nanoseconds, frames sent, frames received since the last line; rtt: one line with
 * median, 99th percentile (nanoseconds) and losses.
 * Theory: split rings of fixed buffers that are used in order, so that descriptors and the available ring are
 * written once.  What a driver must touch is touched: 26 bytes of each frame sent are written, 9 of each received
 * read.  Guests poll and want no calls, except the idle ones; kicks are given as the switch wants them.
 * From: tests/bench/run, which compiles it.  To: any vhost-user back end.  Thread: one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PORTS_MAX 64
#define SIZE 256u /* entries of a ring */
#define BUF 2048u
#define BURST 32u
#define MEM_SIZE (2u << 20)
#define RING_AT(ring) ((ring)*0x4000u)
#define AVAIL_AT 0x1000u
#define USED_AT 0x2000u
#define BUFS_AT(ring) (0x10000u + (ring)*SIZE * BUF)
#define USER UINT64_C(0x7f0000000000)
#define HDR_LEN 12u
#define NS_PER_S UINT64_C(1000000000)
#define WINDOW_NS (NS_PER_S / 4)
#define PING_NS (NS_PER_S / 1000)
#define ETHERTYPE_IPV4 0x0800
#define FLOWS_HIGH 3 /* 1,024 flows: as testpmd's flowgen */
#define BROADCAST UINT32_MAX /* in place of a port */

#define F_VERSION_1 (UINT64_C(1) << 32)
#define F_PROTOCOL (UINT64_C(1) << 30)
#define F_MRG_RXBUF (UINT64_C(1) << 15)

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
};

struct ring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint8_t *bufs;
	int kick;
	uint16_t pos; /* made available so far, free running */
	uint16_t seen; /* used index that we have looked at */
};

struct port {
	int sock, mem_fd;
	uint8_t *mem;
	struct ring rx, tx;
	uint32_t next_mac, next_port;
	uint64_t n_sent, n_received;
};

static struct port ports[PORTS_MAX];
static unsigned n_ports, n_macs = 1;
static uint64_t read_bytes; /* what was read of frames: keeps the reads from being left out */

static void die(const char *what)
{
	fprintf(stderr, "vhost_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- the VMM's part ---- */

static void say(const struct port *p, uint32_t request, const void *payload, uint32_t len, int fd)
{
	uint32_t head[3] = { request, 1, len };
	struct iovec iov[2] = { { head, sizeof(head) }, { (void *)(uintptr_t)payload, len } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	if (sendmsg(p->sock, &msg, MSG_NOSIGNAL) != (ssize_t)(sizeof(head) + len))
		die("the switch does not listen");
}

static uint64_t ask(const struct port *p, uint32_t request)
{
	struct {
		uint32_t head[3];
		uint64_t value;
	} __attribute__((packed)) answer;

	say(p, request, NULL, 0, -1);
	if (recv(p->sock, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer))
		die("no answer");
	return answer.value;
}

static void say_ring(struct port *p, uint32_t index, struct ring *r)
{
	uint64_t at = USER + RING_AT(index);
	const uint32_t num[2] = { index, SIZE }, base[2] = { index, 0 }, on[2] = { index, 1 };
	const struct {
		uint32_t index, flags;
		uint64_t desc, used, avail, log;
	} addr = { index, 0, at, at + USED_AT, at + AVAIL_AT, 0 };
	const uint64_t u64 = index;
	int call = eventfd(0, EFD_NONBLOCK);

	r->kick = eventfd(0, EFD_NONBLOCK);
	if (r->kick < 0 || call < 0)
		die("eventfd");
	say(p, SET_VRING_NUM, num, sizeof(num), -1);
	say(p, SET_VRING_BASE, base, sizeof(base), -1);
	say(p, SET_VRING_ADDR, &addr, sizeof(addr), -1);
	say(p, SET_VRING_CALL, &u64, sizeof(u64), call);
	say(p, SET_VRING_KICK, &u64, sizeof(u64), r->kick);
	say(p, SET_VRING_ENABLE, on, sizeof(on), -1);
}

static void introduce(struct port *p)
{
	const struct {
		uint32_t n, reserved;
		uint64_t gpa, size, user, offset;
	} table = { 1, 0, 0, MEM_SIZE, USER, 0 };
	uint64_t offered = ask(p, GET_FEATURES);
	uint64_t features = F_VERSION_1 | F_MRG_RXBUF | F_PROTOCOL, protocol = 0;

	if ((offered & features) != features) {
		errno = ENOTSUP;
		die("features");
	}
	(void)ask(p, GET_PROTOCOL_FEATURES);
	say(p, SET_PROTOCOL_FEATURES, &protocol, sizeof(protocol), -1);
	say(p, SET_OWNER, NULL, 0, -1);
	say(p, SET_FEATURES, &features, sizeof(features), -1);
	say(p, SET_MEM_TABLE, &table, sizeof(table), p->mem_fd);
	say_ring(p, 0, &p->rx);
	say_ring(p, 1, &p->tx);
}

static void address(struct sockaddr_un *a, const char *path)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(a->sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	memcpy(a->sun_path, path, strlen(path) + 1);
}

static int meet(const char *path, int listener)
{
	struct sockaddr_un a;
	int fd;

	if (listener >= 0) {
		fd = accept(listener, NULL, NULL);
	} else {
		address(&a, path);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			fd = -1;
	}
	if (fd < 0)
		die(path);
	return fd;
}

static int listen_at(const char *path)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	address(&a, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		die(path);
	return fd;
}

/* ---- the guest's part ---- */

static void ring_init(struct port *p, uint32_t index, struct ring *r, bool wants_calls)
{
	uint8_t *at = p->mem + RING_AT(index);

	r->desc = (struct vring_desc *)at;
	r->avail = (struct vring_avail *)(at + AVAIL_AT);
	r->used = (struct vring_used *)(at + USED_AT);
	r->bufs = p->mem + BUFS_AT(index);
	for (uint16_t i = 0; i < SIZE; i++) {
		r->desc[i] = (struct vring_desc){ .addr = BUFS_AT(index) + i * BUF,
			.len = BUF,
			.flags = index == 0 ? VRING_DESC_F_WRITE : 0 };
		r->avail->ring[i] = i;
	}
	r->avail->flags = wants_calls ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
	if (index == 0)
		r->pos = r->avail->idx = SIZE;
}

static void mac_of(uint8_t *mac, uint32_t port, uint32_t n)
{
	const uint8_t bytes[6]
		= { 2, 0, (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)(port >> 8), (uint8_t)port };

	memcpy(mac, bytes, 6);
}

/* UDP in all buffers of the sending ring; @len 0: IMIX, 7 : 4 : 1. */
static void frames_init(struct port *p, uint32_t len)
{
	static const uint16_t imix[12] = { 64, 576, 64, 64, 576, 64, 1500, 64, 576, 64, 64, 576 };
	static const uint8_t ip[20]
		= { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };

	for (uint32_t i = 0; i < SIZE; i++) {
		uint8_t *f = p->tx.bufs + i * BUF + HDR_LEN;
		uint32_t n = len != 0 ? len : imix[i % 12], sum = 0;

		memset(f, 0, n);
		f[12] = ETHERTYPE_IPV4 >> 8;
		memcpy(f + 14, ip, sizeof(ip));
		f[16] = (uint8_t)((n - 14) >> 8);
		f[17] = (uint8_t)(n - 14);
		for (unsigned k = 0; k < 20; k += 2)
			sum += (uint32_t)(f[14 + k] << 8 | f[15 + k]);
		sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
		f[24] = (uint8_t)(sum >> 8);
		f[25] = (uint8_t)sum;
		f[36] = 0x10; /* destination port */
		f[38] = (uint8_t)((n - 34) >> 8);
		f[39] = (uint8_t)(n - 34);
		p->tx.desc[i].len = HDR_LEN + n;
	}
}

static void port_open(struct port *p, const char *path, int listener, uint32_t len, bool calls)
{
	p->mem_fd = memfd_create("guest", MFD_HUGETLB);
	if (p->mem_fd < 0 || ftruncate(p->mem_fd, MEM_SIZE) < 0)
		die("memory");
	p->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, p->mem_fd, 0);
	if (p->mem == MAP_FAILED)
		die("memory in hugepages");
	ring_init(p, 0, &p->rx, calls);
	ring_init(p, 1, &p->tx, calls);
	frames_init(p, len);
	p->sock = meet(path, listener);
	introduce(p);
	p->next_port = 1;
}

static void kick(const struct ring *r)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if ((__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY) == 0
		&& eventfd_write(r->kick, 1) < 0)
		die("kick");
}

static void advance(struct ring *r, uint16_t n)
{
	r->pos = (uint16_t)(r->pos + n);
	__atomic_store_n(&r->avail->idx, r->pos, __ATOMIC_RELEASE);
}

static uint16_t n_used(const struct ring *r)
{
	return (uint16_t)(__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) - r->seen);
}

/* Give what has come back to the ring; how much that was.  @last: the payload's first word of the last frame. */
static unsigned receive(struct port *p, uint64_t *last)
{
	struct ring *r = &p->rx;
	uint16_t n = n_used(r);

	if (n == 0)
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *f = r->bufs + ((uint16_t)(r->seen + i) % SIZE) * BUF + HDR_LEN;

		memcpy(last, f + 42, sizeof(*last));
		read_bytes += *last + f[0];
	}
	r->seen = (uint16_t)(r->seen + n);
	p->n_received += n;
	advance(r, n);
	return n;
}

static void address_frame(uint8_t *frame, struct port *from, uint32_t to, uint64_t value)
{
	uint32_t n = from->next_mac;

	if (to == BROADCAST)
		memset(frame, 0xff, 6);
	else
		mac_of(frame, to, n);
	mac_of(frame + 6, (uint32_t)(from - ports), n);
	frame[34] = (uint8_t)(value >> 8 & FLOWS_HIGH); /* source port */
	frame[35] = (uint8_t)value;
	memcpy(frame + 42, &value, sizeof(value));
	from->next_mac = n + 1 < n_macs ? n + 1 : 0;
}

static uint32_t pick(struct port *p, bool is_all)
{
	uint32_t own = (uint32_t)(p - ports), to;

	if (!is_all)
		return own ^ 1;
	to = own + p->next_port;
	p->next_port = p->next_port + 1 < n_ports ? p->next_port + 1 : 1;
	return to < n_ports ? to : to - n_ports;
}

/* A burst, when there is room for a whole one. */
static void send_burst(struct port *p, unsigned n, bool is_all)
{
	struct ring *r = &p->tx;

	r->seen = (uint16_t)(r->seen + n_used(r));
	if (SIZE - (uint16_t)(r->pos - r->seen) < n)
		return;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *f = r->bufs + ((uint16_t)(r->pos + i) % SIZE) * BUF + HDR_LEN;

		address_frame(f, p, pick(p, is_all), p->n_sent + i);
	}
	advance(r, (uint16_t)n);
	p->n_sent += n;
	kick(r);
}

static bool send_one(struct port *p, uint32_t to, uint64_t value)
{
	struct ring *r = &p->tx;

	r->seen = (uint16_t)(r->seen + n_used(r));
	if ((uint16_t)(r->pos - r->seen) == SIZE)
		return false;
	address_frame(r->bufs + (r->pos % SIZE) * BUF + HDR_LEN, p, to, value);
	advance(r, 1);
	p->n_sent++;
	kick(r);
	return true;
}

/* ---- what is run ---- */

static void report(uint64_t *since_ns, uint64_t now)
{
	uint64_t sent = 0, received = 0;

	for (unsigned i = 0; i < n_ports; i++) {
		sent += ports[i].n_sent;
		received += ports[i].n_received;
		ports[i].n_sent = ports[i].n_received = 0;
	}
	printf("%llu %llu %llu\n", (unsigned long long)(now - *since_ns), (unsigned long long)sent,
		(unsigned long long)received);
	fflush(stdout);
	*since_ns = now;
}

static void run_flood(bool is_all, double seconds)
{
	uint64_t start = now_ns(), since = start, now = start, last;

	for (unsigned turn = 0; now - start < (uint64_t)(seconds * 1e9); turn++) {
		for (unsigned i = 0; i < n_ports; i++) {
			receive(&ports[i], &last);
			send_burst(&ports[i], BURST, is_all);
		}
		if (turn % 64 != 0)
			continue;
		now = now_ns();
		if (now - since >= WINDOW_NS)
			report(&since, now);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Others do what they do while a frame is under way. */
static void others(void)
{
	uint64_t last;

	if (n_ports < 4)
		return;
	send_burst(&ports[2], BURST, false);
	receive(&ports[2], &last);
	receive(&ports[3], &last);
}

/* There and back; 0: lost. */
static uint64_t ping(uint64_t n)
{
	uint64_t start = now_ns(), now = start, got = 0;
	bool is_back = false;

	if (!send_one(&ports[0], 1, n))
		return 0;
	for (; now - start < NS_PER_S / 10; now = now_ns()) {
		others();
		if (!is_back && receive(&ports[1], &got) > 0 && got == n)
			is_back = send_one(&ports[1], 0, n);
		if (is_back && receive(&ports[0], &got) > 0 && got == n)
			return now_ns() - start;
	}
	return 0;
}

/* Let the switch know where everybody is. */
static void say_hello(void)
{
	for (unsigned i = 0; i < n_ports; i++)
		send_one(&ports[i], BROADCAST, 0);
}

static void run_rtt(unsigned n)
{
	uint64_t *samples = calloc(n, sizeof(*samples)), next, got;
	unsigned n_good = 0, n_lost = 0, n_warm = 0;

	if (!samples)
		die("memory");
	for (unsigned i = 0; i < 100 && n_warm < 10; i++) { /* until all ports work and are known */
		say_hello();
		n_warm = ping(n + i + 1) != 0 ? n_warm + 1 : 0;
	}
	next = now_ns();
	for (uint64_t i = 0; i < n; i++) {
		uint64_t took = ping(i + 1);

		if (took != 0)
			samples[n_good++] = took;
		else
			n_lost++;
		for (next += PING_NS; now_ns() < next;) {
			others();
			receive(&ports[0], &got);
			receive(&ports[1], &got);
		}
	}
	qsort(samples, n_good, sizeof(*samples), compare);
	printf("%llu %llu %u\n", (unsigned long long)(n_good ? samples[n_good / 2] : 0),
		(unsigned long long)(n_good ? samples[n_good * 99ull / 100] : 0), n_lost);
	free(samples);
}

static void run_idle(double seconds)
{
	const struct timespec pause = { .tv_nsec = (long)(NS_PER_S / 10) };
	uint64_t start = now_ns(), last;

	while (now_ns() - start < (uint64_t)(seconds * 1e9)) {
		send_one(&ports[0], BROADCAST, 0);
		for (unsigned i = 0; i < n_ports; i++)
			receive(&ports[i], &last);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

static void usage(void)
{
	fprintf(stderr, "see the head of tests/bench/vhost_load.c\n");
	exit(2);
}

static void open_all(int n, char **paths, bool listens, uint32_t len, bool calls)
{
	int listener[PORTS_MAX];

	if (n < 2 || n > PORTS_MAX)
		usage();
	n_ports = (unsigned)n;
	for (int i = 0; i < n; i++)
		listener[i] = listens ? listen_at(paths[i]) : -1;
	for (int i = 0; i < n; i++)
		port_open(&ports[i], paths[i], listener[i], len, calls);
	printf("ready\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool listens = argc > 1 && strcmp(argv[1], "--listen") == 0;
	char **a = argv + 1 + listens;
	int n = argc - 1 - listens;

	if (n > 4 && (strcmp(a[0], "flood") == 0 || strcmp(a[0], "all") == 0)) {
		n_macs = (unsigned)strtoul(a[2], NULL, 10);
		open_all(n - 4, a + 4, listens,
			strcmp(a[1], "imix") == 0 ? 0 : (uint32_t)strtoul(a[1], NULL, 10), false);
		run_flood(a[0][0] == 'a', strtod(a[3], NULL));
	} else if (n > 2 && strcmp(a[0], "rtt") == 0) {
		open_all(n - 2, a + 2, listens, 64, false);
		run_rtt((unsigned)strtoul(a[1], NULL, 10));
	} else if (n > 2 && strcmp(a[0], "idle") == 0) {
		open_all(n - 2, a + 2, listens, 64, true);
		run_idle(strtod(a[1], NULL));
	} else {
		usage();
	}
	return read_bytes == 1;
}
