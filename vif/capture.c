/* SPDX-License-Identifier: Apache-2.0 */
/* capture.c - frames that match a capture, copied into its reader's ring.
 *
 * From: pipeline.c (hooks), ctl.c (open, close).  To: the reader's memory.
 * Theory: a network is shown as what enters it, each frame once: from its vifs before anything is
 * changed (capture_in), from its router as it will leave (capture_routed).  A vif is shown as what
 * it sent and what it was sent.  So nothing is ever shown half translated.
 * The filter decides before anything is copied.  It runs on the contiguous head of the
 * frame only; a test that reaches further fails, which libpcap's interpreter treats as "no match".
 * The reader may write whatever it likes into the shared pages: the engine keeps its own head, reads
 * tail once a frame, and a tail that makes no sense (ahead of head, or more than a ring behind)
 * counts as a full ring.  Nothing else is read from there.
 * Why a socket and not an eventfd tells the reader: whether a write to an eventfd waits is a flag of
 * the open file, which the reader shares and may change; and a pipe is locked while its reader copies.
 * Why programs are checked here as well: libpcap's bpf_validate() lets jumps go backwards, for a loop
 * of its own, lets memory words be read that were never written, and lets codes pass at which
 * bpf_filter() aborts.
 * Several workers may write into one ring, one record at a time: behind a lock that is held for a copy, and
 * taken only while somebody captures.
 * Invariants: never waits for the reader, never allocates after opening; one wake-up a burst at most; the ring cannot
 * shrink under us (F_SEAL_SHRINK is required); a program ends after at most its own length of steps.
 * Thread: hooks worker; open and close control. */
#include "vif/capture.h"

#include "vif/spin.h"
#include "vswitch/base/clock.h"

#include <pcap/bpf.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct capture {
	uint32_t id;
	uint32_t target; /* enum capture_target */
	uint32_t target_id;
	uint32_t snaplen;
	uint32_t n_insns;
	struct bpf_insn insn[CAPTURE_FILTER_MAX];
	struct capture_ring *ring;
	size_t map_len;
	uint32_t data_size;
	struct spin lock; /* of what follows, and of the ring: several workers write */
	uint64_t head; /* the truth; ring->head is a copy for the reader */
	uint64_t lost;
	uint64_t seen;
	bool has_news; /* since the last wake-up */
	int ring_fd;
	int event_fd;
};
static_assert(sizeof(struct bpf_insn) == sizeof(struct msg_bpf_insn), "same instruction");

static int check_message(const struct msg_capture *m, struct err *e)
{
	if (m->capture_id == 0)
		return err_set(e, -EINVAL, "capture.id", "0 is no capture");
	if (m->target < CAPTURE_TARGET_VIF || m->target > CAPTURE_TARGET_DROPS)
		return err_set(e, -EINVAL, "capture.target", "%u is not known", m->target);
	if (m->target_id >= (m->target == CAPTURE_TARGET_NETWORK ? NETWORK_ID_MAX : VIF_ID_MAX))
		return err_set(e, -EINVAL, "capture.target_id", "%u is too large", m->target_id);
	if (m->target_id == 0 && m->target != CAPTURE_TARGET_DROPS)
		return err_set(e, -EINVAL, "capture.target_id", "0 is no vif and no network");
	if (m->snaplen == 0)
		return err_set(e, -EINVAL, "capture.snaplen", "must be at least 1");
	if (m->n_insns > CAPTURE_FILTER_MAX)
		return err_set(e, -EINVAL, "capture.filter", "more than %u instructions",
			CAPTURE_FILTER_MAX);
	return 0;
}

/* What bpf_filter() knows. */
static bool code_is_known(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_IMM:
	case BPF_LDX | BPF_MEM:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_ST:
	case BPF_STX:
	case BPF_ALU | BPF_NEG:
	case BPF_JMP | BPF_JA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA: return true;
	default: break;
	}
	if ((code & ~(0xf0 | BPF_X)) == BPF_JMP)
		return BPF_OP(code) >= BPF_JEQ && BPF_OP(code) <= BPF_JSET;
	return (code & ~(0xf0 | BPF_X)) == BPF_ALU && BPF_OP(code) <= BPF_XOR
		&& BPF_OP(code) != BPF_NEG;
}

/* Words of scratch memory that an instruction writes (is_store) or reads; 0: none. */
static uint16_t memory_words(const struct bpf_insn *insn, bool is_store)
{
	uint16_t code = insn->code;
	bool is_mine = is_store ? code == BPF_ST || code == BPF_STX
				: code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM);

	return is_mine && insn->k < BPF_MEMWORDS ? (uint16_t)(1u << insn->k) : 0;
}

/* Are all codes known, do all jumps lead forward, and is no memory word read that some way there
 * has not written?  bpf_validate() has checked that jumps end inside the program. */
static bool program_is_straight(const struct bpf_insn *insn, uint32_t n)
{
	uint16_t written[CAPTURE_FILTER_MAX + 256]; /* on every way to an instruction */

	static_assert(BPF_MEMWORDS == 16, "one bit a word");
	memset(written, 0xff, sizeof(written));
	written[0] = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint16_t words = written[i] | memory_words(&insn[i], true);
		uint32_t next = i + 1;

		if (!code_is_known(insn[i].code)
			|| (memory_words(&insn[i], false) & ~written[i]) != 0)
			return false;
		if (BPF_CLASS(insn[i].code) == BPF_RET)
			continue;
		if (BPF_CLASS(insn[i].code) != BPF_JMP) {
			written[next] &= words;
		} else if (BPF_OP(insn[i].code) == BPF_JA) {
			if (insn[i].k >= n - next)
				return false;
			written[next + insn[i].k] &= words;
		} else {
			written[next + insn[i].jt] &= words;
			written[next + insn[i].jf] &= words;
		}
	}
	return true;
}

static int load_filter(struct capture *c, const struct msg_capture *m, struct err *e)
{
	c->n_insns = m->n_insns;
	for (uint32_t i = 0; i < m->n_insns; i++)
		c->insn[i] = (struct bpf_insn){
			.code = m->insn[i].code,
			.jt = m->insn[i].jt,
			.jf = m->insn[i].jf,
			.k = m->insn[i].k,
		};
	if (m->n_insns > 0 && !bpf_validate(c->insn, (int)m->n_insns))
		return err_set(e, -EINVAL, "capture.filter", "not a valid program of classic BPF");
	if (!program_is_straight(c->insn, m->n_insns))
		return err_set(e, -EINVAL, "capture.filter",
			"it loops, as protochain does, or does what no compiled expression does");
	return 0;
}

static int check_event(const struct capture *c, struct err *e)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	if (getsockopt(c->event_fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_UNIX)
		return err_set(e, -EINVAL, "capture.event", "not a unix socket");
	return 0;
}

static int map_ring(struct capture *c, struct err *e)
{
	struct stat st;
	uint64_t data_size;
	int seals = fcntl(c->ring_fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(c->ring_fd, &st) < 0)
		return err_set(e, -EINVAL, "capture.ring", "not a memfd with a sealed size");
	data_size = (uint64_t)st.st_size - sizeof(struct capture_ring);
	if ((uint64_t)st.st_size <= sizeof(struct capture_ring) || data_size < CAPTURE_DATA_SIZE_MIN
		|| data_size > CAPTURE_DATA_SIZE_MAX || (data_size & (data_size - 1)) != 0)
		return err_set(e, -EINVAL, "capture.ring",
			"data area must be a power of two in %u..%u", CAPTURE_DATA_SIZE_MIN,
			CAPTURE_DATA_SIZE_MAX);
	c->data_size = (uint32_t)data_size;
	c->map_len = (size_t)st.st_size;
	c->ring = mmap(NULL, c->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, c->ring_fd, 0);
	if (c->ring == MAP_FAILED) {
		c->ring = NULL;
		return err_set(e, -errno, "capture.ring", "cannot be mapped");
	}
	/* A ring that another engine wrote before goes on where it was, if that makes sense. */
	c->head = c->ring->magic == CAPTURE_MAGIC
		? __atomic_load_n(&c->ring->head, __ATOMIC_RELAXED) & ~UINT64_C(7)
		: 0;
	c->lost = c->head ? __atomic_load_n(&c->ring->lost, __ATOMIC_RELAXED) : 0;
	c->seen = c->head ? __atomic_load_n(&c->ring->seen, __ATOMIC_RELAXED) : 0;
	c->ring->data_size = c->data_size;
	__atomic_store_n(&c->ring->magic, CAPTURE_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	if (c->ring)
		munmap(c->ring, c->map_len);
	close(c->ring_fd);
	close(c->event_fd);
	free(c);
}

struct capture *capture_open(const struct msg_capture *m, int ring_fd, int event_fd, struct err *e)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c) {
		close(ring_fd);
		close(event_fd);
		err_set(e, -ENOMEM, "capture", "out of memory");
		return NULL;
	}
	c->ring_fd = ring_fd;
	c->event_fd = event_fd;
	if (check_message(m, e) < 0 || load_filter(c, m, e) < 0 || check_event(c, e) < 0
		|| map_ring(c, e) < 0)
		goto failed;
	c->id = m->capture_id;
	c->target = m->target;
	c->target_id = m->target_id;
	c->snaplen = MIN(m->snaplen, (uint32_t)FRAME_LEN_MAX);
	return c;
failed:
	capture_close(c);
	return NULL;
}

uint32_t capture_id(const struct capture *c)
{
	return c->id;
}

void capture_fds(const struct capture *c, int fds[2])
{
	fds[0] = c->ring_fd;
	fds[1] = c->event_fd;
}

/* Room for @need contiguous bytes at head; writes the padding record when the end is too near.
 * NULL: the reader is too slow. */
static uint8_t *ring_reserve(struct capture *c, uint32_t need)
{
	uint64_t tail = __atomic_load_n(&c->ring->tail, __ATOMIC_ACQUIRE);
	uint64_t used = c->head - tail;
	uint32_t at = (uint32_t)(c->head & (c->data_size - 1));
	uint32_t to_end = c->data_size - at;
	uint32_t skip = to_end < need ? to_end : 0;

	if (used > c->data_size || need > c->data_size
		|| c->data_size - used < (uint64_t)skip + need)
		return NULL;
	if (skip > 0) {
		/* 8 bytes are always there; a whole record header may not be */
		const uint32_t pad[2] = { skip, CAPTURE_RECORD_PAD };

		/* the ring is mapped as long as the session is open */
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
		memcpy(c->ring->data + at, pad, sizeof(pad));
		c->head += skip;
		at = 0;
	}
	return c->ring->data + at;
}

static void copy_frame(uint8_t *to, const struct pkt *p, uint32_t cap_len)
{
	uint32_t left = cap_len;

	for (const struct rte_mbuf *m = p->m; m && left > 0; m = m->next) {
		uint32_t n = MIN(left, (uint32_t)m->data_len);

		memcpy(to, rte_pktmbuf_mtod(m, const void *), n);
		to += n;
		left -= n;
	}
}

static void ring_write(struct capture *c, const struct pkt *p, struct capture_record *rec)
{
	uint8_t *at;

	c->has_news = true;
	__atomic_store_n(&c->ring->seen, ++c->seen, __ATOMIC_RELAXED);
	at = ring_reserve(c, rec->rec_len);
	if (!at) {
		__atomic_store_n(&c->ring->lost, ++c->lost, __ATOMIC_RELAXED);
		return;
	}
	memcpy(at, rec, sizeof(*rec));
	copy_frame(at + sizeof(*rec), p, rec->cap_len);
	c->head += rec->rec_len;
	__atomic_store_n(&c->ring->head, c->head, __ATOMIC_RELEASE);
}

static void capture_write(
	struct capture *c, const struct pkt *p, uint16_t vif_id, enum capture_dir dir, uint8_t drop)
{
	struct capture_record rec = {
		.cap_len = MIN(c->snaplen, p->len),
		.orig_len = p->len,
		.vif_id = vif_id,
		.dir = (uint8_t)dir,
		.drop_reason = drop,
		.wall_ns = clock_wall_ns(),
		.gso_size = p->gso_size,
		.gso_type = p->gso_type,
		.csum_partial = (p->flags & PKT_CSUM_PARTIAL) != 0,
	};

	rec.rec_len = (uint32_t)((sizeof(rec) + rec.cap_len + 7u) & ~(size_t)7u);
	spin_lock(&c->lock);
	ring_write(c, p, &rec);
	spin_unlock(&c->lock);
}

static bool filter_matches(const struct capture *c, const struct pkt *p)
{
	return c->n_insns == 0 || bpf_filter(c->insn, pkt_bytes(p), p->len, pkt_linear_len(p)) != 0;
}

static bool in_matches(const struct capture *c, const struct pkt *p)
{
	if (c->target == CAPTURE_TARGET_VIF)
		return p->in_vif == c->target_id;
	return c->target == CAPTURE_TARGET_NETWORK && p->network_id == c->target_id;
}

bool capture_watches_slow(
	const struct capture_set *set, uint16_t in_vif, uint16_t out_vif, uint16_t network_id)
{
	for (uint32_t i = 0; i < set->n; i++) {
		const struct capture *c = set->session[i];

		if (c->target == CAPTURE_TARGET_VIF
			&& (c->target_id == in_vif || c->target_id == out_vif))
			return true;
		if (c->target == CAPTURE_TARGET_NETWORK && c->target_id == network_id)
			return true;
	}
	return false;
}

void capture_in_slow(const struct capture_set *set, const struct burst *b)
{
	for (uint32_t i = 0; i < set->n; i++) {
		struct capture *c = set->session[i];

		for (unsigned k = 0; k < b->n; k++) {
			const struct pkt *p = &b->pkt[k];

			if (p->m && in_matches(c, p) && filter_matches(c, p))
				capture_write(c, p, p->in_vif, CAPTURE_DIR_IN, DROP_NONE);
		}
	}
}

void capture_routed_slow(
	const struct capture_set *set, const struct burst *b, const uint16_t *router_vif)
{
	for (uint32_t i = 0; i < set->n; i++) {
		struct capture *c = set->session[i];

		if (c->target != CAPTURE_TARGET_NETWORK)
			continue;
		for (unsigned k = 0; k < b->n; k++) {
			const struct pkt *p = &b->pkt[k];

			if (p->m && p->in_vif == VIF_ID_NONE && p->network_id == c->target_id
				&& filter_matches(c, p))
				capture_write(c, p, router_vif[k], CAPTURE_DIR_IN, DROP_NONE);
		}
	}
}

static bool drop_matches(const struct capture *c, uint16_t vif_id)
{
	return c->target == CAPTURE_TARGET_DROPS && (c->target_id == 0 || c->target_id == vif_id);
}

static bool out_matches(const struct capture *c, const struct tx_item *item)
{
	if (item->drop)
		return drop_matches(c, item->out_vif);
	return c->target == CAPTURE_TARGET_VIF && item->out_vif == c->target_id;
}

void capture_out_slow(
	const struct capture_set *set, const struct burst *b, const struct tx_items *out)
{
	for (uint32_t i = 0; i < set->n; i++) {
		struct capture *c = set->session[i];

		for (uint32_t k = 0; k < out->n; k++) {
			const struct tx_item *item = &out->item[k];
			const struct pkt *p = &b->pkt[item->pkt];

			if (p->m && out_matches(c, item) && filter_matches(c, p))
				capture_write(c, p, item->out_vif, CAPTURE_DIR_OUT, item->drop);
		}
	}
}

void capture_drops_slow(const struct capture_set *set, const struct burst *b)
{
	for (uint32_t i = 0; i < set->n; i++) {
		struct capture *c = set->session[i];

		for (unsigned k = 0; k < b->n; k++) {
			const struct pkt *p = &b->pkt[k];

			if (p->m && p->drop && drop_matches(c, pkt_drop_vif(p))
				&& filter_matches(c, p))
				capture_write(c, p, pkt_drop_vif(p), CAPTURE_DIR_IN, p->drop);
		}
	}
}

/* Full, or the reader is gone: it needs no more wake-ups than it has. */
static void reader_wake(const struct capture *c)
{
	static char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = sizeof(byte) };
	struct mmsghdr msg = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	/* sendmmsg(2) is what a worker may call; what it returns is of no use here */
	if (sendmmsg(c->event_fd, &msg, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

void capture_flush_slow(const struct capture_set *set)
{
	for (uint32_t i = 0; i < set->n; i++) {
		struct capture *c = set->session[i];

		bool has_news;

		spin_lock(&c->lock);
		has_news = c->has_news;
		c->has_news = false;
		spin_unlock(&c->lock);
		if (has_news)
			reader_wake(c);
	}
}
