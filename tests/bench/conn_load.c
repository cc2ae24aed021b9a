/* SPDX-License-Identifier: Apache-2.0 */
/* conn_load.c - short connections, many: what sets them up is to be the limit, not this program.
 *
 *   conn_load serve ADDR PORT N          TCP on N ports from PORT, closes when the peer does;
 *                                        UDP on PORT, sends everything back
 *   conn_load tcp ADDR PORT N COUNT      COUNT times connect and close, over N ports
 *   conn_load udp DEV SRC ADDR MAC PORT FIRST COUNT
 *                                        COUNT flows from SRC, each a question and its answer
 * A client prints "COUNT SECONDS LOST".
 * From: tests/bench/measure.py.
 * Theory: TCP goes through sockets, IN_FLIGHT at a time in one epoll; the client closes first, as
 * clients do.  UDP flows would cost a socket each, so the client makes the frames itself: one source
 * port from FIRST on is one flow, WINDOW of them wait for an answer at a time, 64 with a call.
 * Thread: one. */
#include "vswitch/base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_FLIGHT 64
#define EVENTS 64
#define BATCH 64
#define WINDOW 256
#define BACKLOG 4096
#define SILENCE_MS 200 /* then what was asked and not answered is lost */
#define LISTENER (UINT64_C(1) << 32)
#define ECHO (UINT64_C(2) << 32)

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "conn_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	errno = EINVAL;
	if (*text == '\0' || *end != '\0' || n > UINT32_MAX)
		give_up(text);
	return (unsigned)n;
}

static struct sockaddr_in address(const char *text, unsigned port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	errno = EINVAL;
	if (inet_pton(AF_INET, text, &sa.sin_addr) != 1)
		give_up(text);
	return sa;
}

static void watch(int epoll_fd, int fd, uint32_t events, uint64_t token)
{
	struct epoll_event ev = { .events = events, .data.u64 = token | (uint32_t)fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		give_up("epoll_ctl");
}

/* The server. */

static int serve_socket(int type, const char *addr, unsigned port)
{
	struct sockaddr_in sa = address(addr, port);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), one = 1, size = 8 << 20;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0
		|| bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		give_up("server");
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		give_up("listen");
	if (type == SOCK_DGRAM
		&& setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		give_up("buffer");
	return fd;
}

static void accept_all(int epoll_fd, int fd)
{
	int conn;

	while ((conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		watch(epoll_fd, conn, EPOLLIN | EPOLLRDHUP, 0);
}

static void echo_all(int fd)
{
	static uint8_t text[BATCH][256];
	static struct sockaddr_in from[BATCH];
	static struct iovec iov[BATCH];
	static struct mmsghdr msg[BATCH];
	int n;

	do {
		for (unsigned i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ text[i], sizeof(text[i]) };
			msg[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
				.msg_namelen = sizeof(from[i]),
				.msg_iov = &iov[i],
				.msg_iovlen = 1 };
		}
		n = recvmmsg(fd, msg, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			iov[i].iov_len = msg[i].msg_len;
		for (int at = 0, r; at < n; at += r) {
			r = sendmmsg(fd, msg + at, (unsigned)(n - at), 0);
			if (r <= 0)
				r = 1; /* lost, as a datagram may be */
		}
	} while (n == BATCH);
}

static void serve(const char *addr, unsigned port, unsigned n_ports)
{
	struct epoll_event ev[EVENTS];
	int epoll_fd = epoll_create1(0);

	for (unsigned i = 0; i < n_ports; i++)
		watch(epoll_fd, serve_socket(SOCK_STREAM, addr, port + i), EPOLLIN, LISTENER);
	watch(epoll_fd, serve_socket(SOCK_DGRAM, addr, port), EPOLLIN, ECHO);
	for (;;) {
		int n = epoll_wait(epoll_fd, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = (int)(uint32_t)ev[i].data.u64;

			if (ev[i].data.u64 & LISTENER)
				accept_all(epoll_fd, fd);
			else if (ev[i].data.u64 & ECHO)
				echo_all(fd);
			else
				close(fd); /* the peer has */
		}
	}
}

/* The TCP client. */

static void connect_one(int epoll_fd, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0
		|| (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0
			&& errno != EINPROGRESS))
		give_up("connect");
	watch(epoll_fd, fd, EPOLLOUT, 0);
}

static void tcp(const char *addr, unsigned port, unsigned n_ports, unsigned count)
{
	struct sockaddr_in to = address(addr, port);
	struct epoll_event ev[EVENTS];
	int epoll_fd = epoll_create1(0);
	unsigned begun = 0, ended = 0, lost = 0;
	double start = now_s();

	while (ended < count) {
		int n;

		for (; begun < count && begun - ended < IN_FLIGHT; begun++) {
			to.sin_port = htons((uint16_t)(port + begun % n_ports));
			connect_one(epoll_fd, &to);
		}
		n = epoll_wait(epoll_fd, ev, EVENTS, -1);
		for (int i = 0; i < n; i++, ended++) {
			lost += (ev[i].events & EPOLLERR) != 0;
			close((int)(uint32_t)ev[i].data.u64);
		}
	}
	printf("%u %.6f %u\n", count, now_s() - start, lost);
}

/* The UDP client. */

struct __attribute__((packed)) frame {
	struct ether_header eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t text[18];
};
static_assert(sizeof(struct frame) == 60, "the smallest frame");

static uint16_t sum_of(const void *at, size_t len, uint32_t sum)
{
	const uint8_t *b = at;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static struct frame question(const struct sockaddr_in *src, const struct sockaddr_in *dst)
{
	struct frame f = { .eth.ether_type = htons(ETHERTYPE_IP),
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP } };

	f.ip.tot_len = htons(sizeof(f) - sizeof(f.eth));
	f.ip.saddr = src->sin_addr.s_addr;
	f.ip.daddr = dst->sin_addr.s_addr;
	f.ip.check = htons((uint16_t)~sum_of(&f.ip, sizeof(f.ip), 0));
	f.udp.dest = dst->sin_port;
	f.udp.len = htons(sizeof(f.udp) + sizeof(f.text));
	return f;
}

static void question_port(struct frame *f, uint16_t port)
{
	uint32_t pseudo = IPPROTO_UDP + sizeof(f->udp) + sizeof(f->text);

	f->udp.source = htons(port);
	f->udp.check = 0;
	pseudo += sum_of(&f->ip.saddr, 8, 0);
	f->udp.check = htons((uint16_t)~sum_of(&f->udp, sizeof(f->udp) + sizeof(f->text), pseudo));
}

static void question_macs(struct frame *f, int fd, const char *dev, const char *gateway)
{
	const struct ether_addr *mac = ether_aton(gateway);
	struct ifreq ifr = { 0 };

	errno = EINVAL;
	if (mac == NULL)
		give_up(gateway);
	strncpy(ifr.ifr_name, dev, sizeof(ifr.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		give_up(dev);
	memcpy(f->eth.ether_dhost, mac, 6);
	memcpy(f->eth.ether_shost, ifr.ifr_hwaddr.sa_data, 6);
}

static int packet_socket(const char *dev)
{
	struct sockaddr_ll sa = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), one = 1, size = 8 << 20;

	sa.sll_ifindex = (int)if_nametoindex(dev);
	if (fd < 0 || sa.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0
		|| setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0
		|| setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0
		|| setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		give_up(dev);
	return fd;
}

/* Up to BATCH questions, from the ports from @first on; how many went out. */
static unsigned ask(int fd, const struct frame *like, unsigned first, unsigned n)
{
	static struct frame frame[BATCH];
	static struct iovec iov[BATCH];
	static struct mmsghdr msg[BATCH];
	int r;

	for (unsigned i = 0; i < n; i++) {
		frame[i] = *like;
		question_port(&frame[i], (uint16_t)(first + i));
		iov[i] = (struct iovec){ &frame[i], sizeof(frame[i]) };
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	r = sendmmsg(fd, msg, n, 0);
	return r > 0 ? (unsigned)r : 0;
}

/* Answers that wait in the socket. */
static unsigned hear(int fd, const struct frame *like)
{
	static struct frame frame[BATCH];
	static struct iovec iov[BATCH];
	static struct mmsghdr msg[BATCH];
	unsigned n_answers = 0;
	int n;

	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ &frame[i], sizeof(frame[i]) };
		msg[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, msg, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		n_answers += msg[i].msg_len == sizeof(struct frame)
			&& frame[i].ip.saddr == like->ip.daddr
			&& frame[i].udp.source == like->udp.dest;
	return n_answers;
}

static void wait_answer(int epoll_fd, unsigned *in_flight, unsigned *lost)
{
	struct epoll_event ev;

	if (epoll_wait(epoll_fd, &ev, 1, SILENCE_MS) == 0) {
		*lost += *in_flight;
		*in_flight = 0;
	}
}

static void udp(char **arg)
{
	struct sockaddr_in src = address(arg[1], 0), dst = address(arg[2], number(arg[4]));
	unsigned first = number(arg[5]), count = number(arg[6]);
	unsigned asked = 0, in_flight = 0, lost = 0;
	struct frame like = question(&src, &dst);
	int fd = packet_socket(arg[0]), epoll_fd = epoll_create1(0);
	double start;

	question_macs(&like, fd, arg[0], arg[3]);
	start = now_s();
	watch(epoll_fd, fd, EPOLLIN, 0);
	while (asked < count || in_flight > 0) {
		unsigned n = MIN(MIN((unsigned)BATCH, count - asked), WINDOW - in_flight);

		n = n > 0 ? ask(fd, &like, first + asked, n) : 0;
		asked += n;
		in_flight += n;
		n = hear(fd, &like);
		in_flight -= MIN(n, in_flight);
		if (n == 0 && (in_flight == WINDOW || asked == count))
			wait_answer(epoll_fd, &in_flight, &lost);
	}
	printf("%u %.6f %u\n", count, now_s() - start, lost);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "serve") == 0 && argc == 5) {
		serve(argv[2], number(argv[3]), number(argv[4]));
	} else if (strcmp(verb, "tcp") == 0 && argc == 6) {
		tcp(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
	} else if (strcmp(verb, "udp") == 0 && argc == 9) {
		udp(argv + 2);
	} else {
		fprintf(stderr, "usage: see the head of tests/bench/conn_load.c\n");
		return 2;
	}
	return 0;
}
