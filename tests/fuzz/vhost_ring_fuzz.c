/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_ring_fuzz.c - hostile rings of either kind, in both directions, changed while they are looked at.
 *
 * Input: struct fuzz_head, then struct fuzz_desc for the ring and for a table of TABLE_N, then a head a
 * byte for the available ring, then struct fuzz_change.  Guest memory lies in two heap blocks of
 * exact size, as do the buffers of frames, so that ASan sees one byte more.
 * Claims: a call ends, gives frames that fit their buffers, and breaks the queue with a known reason or not at
 * all; with a second thread that writes the changes into the rings all the while, too.
 * Planted bug (SAKLAR_PLANTED_BUG): the next of a split chain is not checked. */
#include "vif/vhost_queue.h"
#include "vswitch/base/check.h"

#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK0 65536u
#define BLOCK1 8192u
#define DRIVER_OFF 0x1000u
#define DEVICE_OFF 0x2000u
#define TABLE_OFF 0x3000u
#define RINGS_LEN 0x4000u /* what is changed by the other thread */
#define TABLE_N 16u
#define SLOTS 8u
#define FIRST_ROOM 128u
#define REST_ROOM 512u
#define ROUNDS 3u

struct fuzz_head {
	uint8_t kind; /* bits: packed, tx, event index, indirect, mergeable, log, changes, header of 10 */
	uint8_t size;
	uint16_t avail;
};

struct fuzz_desc {
	uint8_t addr[3];
	uint8_t flags; /* next, write, indirect, avail, used, address at the end of all, long */
	uint16_t len;
	uint16_t link;
};

struct fuzz_change {
	uint16_t off;
	uint16_t value;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint8_t *rings; /* NULL: nothing to do */
	const uint8_t *changes;
	size_t n;
} other = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER };
static bool must_stop;

/* The guest's other processor. */
static void *mutate(void *)
{
	pthread_mutex_lock(&other.lock);
	for (;;) {
		while (other.rings == NULL)
			pthread_cond_wait(&other.wake, &other.lock);
		for (size_t i = 0; !__atomic_load_n(&must_stop, __ATOMIC_ACQUIRE);
			i = i + 1 < other.n ? i + 1 : 0) {
			struct fuzz_change c;

			memcpy(&c, other.changes + i * sizeof(c), sizeof(c));
			__atomic_store_n(
				(uint16_t *)(void *)(other.rings + c.off % RINGS_LEN / 2 * 2),
				c.value, __ATOMIC_RELAXED);
		}
		other.rings = NULL;
		pthread_cond_broadcast(&other.wake);
	}
	return NULL;
}

int LLVMFuzzerInitialize(int *, char ***)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, mutate, NULL) == 0);
	return 0;
}

static void other_start(uint8_t *rings, const uint8_t *changes, size_t n)
{
	pthread_mutex_lock(&other.lock);
	__atomic_store_n(&must_stop, false, __ATOMIC_RELEASE);
	other.rings = rings;
	other.changes = changes;
	other.n = n;
	pthread_cond_broadcast(&other.wake);
	pthread_mutex_unlock(&other.lock);
}

static void other_stop(void)
{
	__atomic_store_n(&must_stop, true, __ATOMIC_RELEASE);
	pthread_mutex_lock(&other.lock);
	while (other.rings != NULL)
		pthread_cond_wait(&other.wake, &other.lock);
	pthread_mutex_unlock(&other.lock);
}

static void desc_put(uint8_t *at, const struct fuzz_desc *f, bool packed)
{
	uint64_t addr = f->addr[0] | (uint64_t)f->addr[1] << 8 | (uint64_t)(f->addr[2] & 1) << 16;
	uint32_t len = f->len;
	uint16_t flags = f->flags & 7;
	uint64_t words[2];

	if ((f->flags & 32) != 0)
		addr = ~addr;
	if ((f->flags & 64) != 0)
		len <<= 16;
	if ((f->flags & 8) != 0)
		flags |= 1u << VRING_PACKED_DESC_F_AVAIL;
	if ((f->flags & 16) != 0)
		flags |= 1u << VRING_PACKED_DESC_F_USED;
	words[0] = addr;
	words[1] = packed ? len | (uint64_t)f->link << 32 | (uint64_t)flags << 48
			  : len | (uint64_t)flags << 32 | (uint64_t)f->link << 48;
	memcpy(at, words, sizeof(words));
}

/* Take @n bytes off the input; zeroes when it has ended. */
static void take(const uint8_t **bytes, size_t *left, void *to, size_t n)
{
	size_t part = MIN(*left, n);

	memset(to, 0, n);
	memcpy(to, *bytes, part);
	*bytes += part;
	*left -= part;
}

static void descs_put(uint8_t *at, unsigned n, bool packed, const uint8_t **bytes, size_t *left)
{
	struct fuzz_desc f;

	for (unsigned i = 0; i < n; i++) {
		take(bytes, left, &f, sizeof(f));
		desc_put(at + i * 16, &f, packed);
	}
}

static struct guest_mem *memory(void)
{
	struct guest_mem *mem = calloc(1, sizeof(*mem) + 2 * sizeof(mem->region[0]));

	CHECK(mem != NULL);
	mem->n = 2;
	mem->region[0] = (struct guest_region){ .size = BLOCK0, .host = calloc(1, BLOCK0) };
	mem->region[1]
		= (struct guest_region){ .gpa = BLOCK0, .size = BLOCK1, .host = calloc(1, BLOCK1) };
	CHECK(mem->region[0].host != NULL && mem->region[1].host != NULL);
	return mem;
}

static void receive(struct vhost_queue *q)
{
	struct vhost_rx slots[SLOTS];
	unsigned n;

	for (unsigned i = 0; i < SLOTS; i++) {
		slots[i] = (struct vhost_rx){ .first = malloc(FIRST_ROOM),
			.first_room = FIRST_ROOM,
			.rest = malloc(REST_ROOM),
			.rest_room = REST_ROOM };
		CHECK(slots[i].first != NULL && slots[i].rest != NULL);
	}
	n = vhost_queue_dequeue(q, slots, SLOTS);
	CHECK(n <= SLOTS);
	for (unsigned i = 0; i < SLOTS; i++) {
		if (i < n)
			CHECK(slots[i].len > 0 && slots[i].len <= FIRST_ROOM + REST_ROOM);
		free(slots[i].first);
		free(slots[i].rest);
	}
}

static void send(struct vhost_queue *q)
{
	static const uint8_t bytes[600];
	const struct iovec rest[2]
		= { { (void *)(uintptr_t)bytes, 200 }, { (void *)(uintptr_t)bytes, 300 } };
	struct vhost_tx frames[SLOTS];

	for (unsigned i = 0; i < SLOTS; i++)
		frames[i] = (struct vhost_tx){ .first = bytes,
			.first_len = 60,
			.rest = rest,
			.n_rest = i % 3,
			.len = 60 + (i % 3 > 0 ? 200 : 0) + (i % 3 > 1 ? 300 : 0) };
	CHECK(vhost_queue_enqueue(q, frames, SLOTS) <= SLOTS);
}

static void turns(struct vhost_queue *q)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (vhost_queue_n_ready(q, VHOST_BURST) > 0 && q->is_tx)
			receive(q);
		else if (!q->is_tx)
			send(q);
		CHECK(q->broken < VHOST_BROKEN_N && (q->n_used == 0 || q->broken != VHOST_FINE));
		CHECK(!q->is_packed || q->pos < q->size);
		if (!vhost_queue_arm(q))
			vhost_queue_disarm(q);
	}
}

static struct vhost_config config_of(const struct fuzz_head *head, const struct guest_mem *mem)
{
	uint8_t *rings = mem->region[0].host;
	uint64_t f = 0;

	f |= (head->kind & 1) != 0 ? UINT64_C(1) << 34 : 0;
	f |= (head->kind & 4) != 0 ? UINT64_C(1) << 29 : 0;
	f |= (head->kind & 8) != 0 ? UINT64_C(1) << 28 : 0;
	f |= (head->kind & 16) != 0 ? UINT64_C(1) << 15 : 0;
	f |= (head->kind & 128) != 0 ? 0 : UINT64_C(1) << 32;
	return (struct vhost_config){ .features = f,
		.size = (head->kind & 1) != 0 ? 1u + head->size % 16 : 1u << head->size % 5,
		.base = 1u << 15,
		.is_tx = (head->kind & 2) != 0,
		.rings = { .desc = rings,
			.driver = rings + DRIVER_OFF,
			.device = rings + DEVICE_OFF,
			.device_gpa = DEVICE_OFF },
		.mem = mem };
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static uint8_t bits[2];
	struct guest_mem none = { 0 };
	const struct dirty_log log = { .bits = bits, .size = sizeof(bits), .mem = &none };
	struct vring_avail *avail;
	struct vhost_config config;
	static struct vhost_queue q;
	struct fuzz_head head;
	struct guest_mem *mem;
	bool is_changing;

	if (size < sizeof(head) || size > 4096)
		return 0;
	mem = memory();
	take(&bytes, &size, &head, sizeof(head));
	config = config_of(&head, mem);
	config.log = (head.kind & 32) != 0 ? &log : NULL;
	avail = config.rings.driver;
	descs_put(config.rings.desc, config.size, (head.kind & 1) != 0, &bytes, &size);
	descs_put(mem->region[0].host + TABLE_OFF, TABLE_N, (head.kind & 1) != 0, &bytes, &size);
	if ((head.kind & 1) == 0) {
		avail->idx = head.avail % (config.size + 2);
		for (unsigned i = 0; i <= config.size; i++) {
			uint8_t id;

			take(&bytes, &size, &id, 1);
			avail->ring[i] = id == 255 ? 0xffff : id % (config.size + 1);
		}
	}
	CHECK(vhost_queue_start(&q, &config, NULL) == 0);
	is_changing = (head.kind & 64) != 0 && size >= sizeof(struct fuzz_change);
	if (is_changing)
		other_start(mem->region[0].host, bytes, size / sizeof(struct fuzz_change));
	turns(&q);
	if (is_changing)
		other_stop();
	free(mem->region[0].host);
	free(mem->region[1].host);
	free(mem);
	return 0;
}
