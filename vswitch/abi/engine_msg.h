/* SPDX-License-Identifier: Apache-2.0 */
/* engine_msg.h - the messages between daemon and engine: what they carry, which way, with which fds.
 *
 * Transport: SOCK_SEQPACKET unix socket RUN/engine.sock.  The engine inherits the listening socket
 * as an fd and serves one daemon at a time; a new connection with the right SO_PEERCRED replaces
 * the old one.  A message is struct engine_msg_hdr and its body; fds ride on SCM_RIGHTS.
 *
 * Life of a connection:
 *   1. daemon: HELLO; engine: HELLO_OK, or it closes when the frozen part does not fit;
 *   2. take-over: daemon: FD_LIST; engine: SEGMENT, VIF, CAPTURE for everything it holds, then ACK.
 *      Fresh engine: daemon: SEGMENT for each segment, VIF_OPEN for each vif;
 *   3. daemon: SNAPSHOT; engine: ACK.  Changes: VIF_OPEN / VIF_CLOSE and another SNAPSHOT.
 * Every message to the engine is answered: by ACK with the same seq, after any data messages with
 * that seq.  EVENT has seq 0.  One request is outstanding at a time, a PING beside it at most.
 *
 * vhost-user: VIF_OPEN brings the memfd in which the engine keeps what outlives it (VHOST_STATE_SIZE
 * bytes, the engine's own business) and, unless MSG_VIF_CLIENT, the socket that listens.  Whatever a VMM
 * hands over the engine deposits with the daemon: VHOST_DEPOSIT, at any time with seq 0, and in answer
 * to FD_LIST.  A new engine gets it back: VIF_OPEN, a VHOST_GIVE for each fd, VHOST_RESUME.
 * VHOST_STATE tells how the session is, likewise.
 *
 * Each side treats what comes from the other as hostile: lengths, counts, ids and fds are checked
 * before use; surplus fds are closed; a malformed message ends the connection, not the process.
 * HELLO and HELLO_OK are frozen; everything else may change with ENGINE_ABI_HASH. */
#pragma once

#include "vswitch/abi/capture_ring.h"
#include "vswitch/abi/limits.h"
#include "vswitch/abi/state.h"

/* X(NAME, number, struct body, least fds, most fds); below 100: to the engine; above: to the daemon */
#define ENGINE_MESSAGES(X)                             \
	X(HELLO, 1, msg_hello, 0, 0)                   \
	X(SEGMENT, 2, msg_segment, 1, 1)               \
	X(VIF_OPEN, 3, msg_vif, 1, VIF_QUEUES_MAX)     \
	X(VIF_CLOSE, 4, msg_vif_close, 0, 0)           \
	X(SNAPSHOT, 5, msg_snapshot, 1, 1)             \
	X(FD_LIST, 6, msg_empty, 0, 0)                 \
	X(FDB_DUMP, 7, msg_fdb_dump, 0, 0)             \
	X(FDB_FLUSH, 8, msg_fdb_flush, 0, 0)           \
	X(CAPTURE_OPEN, 9, msg_capture, 2, 2)          \
	X(CAPTURE_CLOSE, 10, msg_capture_close, 0, 0)  \
	X(VIF_UPDATE, 11, msg_vif, 0, 0)               \
	X(STOP, 12, msg_empty, 0, 0)                   \
	X(NEIGH_DUMP, 13, msg_neigh_dump, 0, 0)        \
	X(NEIGH_FLUSH, 14, msg_neigh_flush, 0, 0)      \
	X(CT_DUMP, 15, msg_ct_dump, 0, 0)              \
	X(CT_FLUSH, 16, msg_ct_flush, 0, 0)            \
	X(PING, 17, msg_empty, 0, 0)                   \
	X(VHOST_ATTACH, 18, msg_vhost_fd, 1, 1)        \
	X(VHOST_GIVE, 19, msg_vhost_fd, 1, 1)          \
	X(VHOST_RESUME, 20, msg_vif_close, 0, 0)       \
	X(XEN_OPEN, 21, msg_xen_vif, 2, XEN_FDS_MAX)   \
	X(XEN_STATS, 22, msg_vif_close, 0, 0)          \
	X(MDB_DUMP, 23, msg_mdb_dump, 0, 0)            \
	X(STP_DUMP, 30, msg_stp_dump, 0, 0)            \
	X(MEASURE, 31, msg_measure, 0, 0)              \
	X(HELLO_OK, 101, msg_hello_ok, 0, 0)           \
	X(ACK, 102, msg_ack, 0, 0)                     \
	X(HELD_SEGMENT, 103, msg_segment, 1, 1)        \
	X(HELD_VIF, 104, msg_vif, 1, VIF_QUEUES_MAX)   \
	X(HELD_CAPTURE, 105, msg_capture_close, 2, 2)  \
	X(FDB_ENTRIES, 106, msg_fdb_entries, 0, 0)     \
	X(EVENT, 107, msg_event, 0, 0)                 \
	X(NEIGH_ENTRIES, 108, msg_neigh_entries, 0, 0) \
	X(CT_ENTRIES, 109, msg_ct_entries, 0, 0)       \
	X(VHOST_DEPOSIT, 110, msg_vhost_fd, 0, 1)      \
	X(VHOST_STATE, 111, msg_vhost_state, 0, 0)     \
	X(HELD_XEN, 112, msg_xen_vif, 2, XEN_FDS_MAX)  \
	X(XEN_COUNTS, 113, msg_xen_counts, 0, 0)       \
	X(MDB_ENTRIES, 114, msg_mdb_entries, 0, 0)     \
	X(STP_ENTRIES, 130, msg_stp_entries, 0, 0)

enum engine_msg_type {
	ENGINE_MSG_NONE = 0,
#define X(name, number, body, fd_min, fd_max) ENGINE_MSG_##name = number,
	ENGINE_MESSAGES(X)
#undef X
};

#define ENGINE_MSG_LEN_MAX 61440 /* header and body; SO_SNDBUF is small */
#define ENGINE_MSG_FDS_MAX 16

struct engine_msg_hdr {
	uint32_t type; /* enum engine_msg_type */
	uint32_t seq; /* given by the daemon; 0 in EVENT */
	uint32_t len; /* of header and body */
	uint32_t n_fds;
};

struct msg_empty {
	uint32_t zero;
};

#define ENGINE_BUILD_LEN 48
struct msg_hello {
	uint64_t abi_hash; /* ENGINE_ABI_HASH, made by the build from vswitch/abi/ */
	char build[ENGINE_BUILD_LEN];
	uint32_t daemon_pid;
	uint32_t reserved[5];
};
enum engine_flag {
	ENGINE_FLAG_HUGE = 1u << 0, /* pools are in hugepages */
};
struct msg_hello_ok {
	uint64_t abi_hash;
	char build[ENGINE_BUILD_LEN];
	uint32_t engine_pid;
	uint32_t flags; /* enum engine_flag */
	uint64_t snapshot_generation; /* 0: has none yet */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint32_t n_workers;
	uint32_t reserved[3];
};

struct msg_segment {
	uint32_t kind; /* enum segment_kind */
	uint32_t reserved;
	uint64_t size;
};

enum msg_vif_flag {
	MSG_VIF_LEG = 1u << 0, /* host leg */
	MSG_VIF_TAP_FD = 1u << 1, /* fds are of /dev/net/tun, else packet sockets */
	MSG_VIF_USO = 1u << 2, /* the kernel can express UDP segmentation in the vnet header */
	MSG_VIF_TX_VLAN_INLINE = 1u << 3, /* reserved */
	MSG_VIF_CLIENT = 1u << 4, /* vhost-user: connections come by VHOST_ATTACH */
	MSG_VIF_MUST_BE_SEALED = 1u << 5, /* vhost-user: guest memory that can shrink is refused */
	MSG_VIF_FAST = 1u << 6, /* the socket is filtered by saklar_choose of vif/netdev.bpf.c */
};
/* All fds are non-blocking, bound and ready; the engine only reads and writes. */
struct msg_vif {
	uint16_t vif_id;
	uint8_t type; /* enum vif_type */
	uint8_t n_queues;
	uint32_t flags; /* enum msg_vif_flag */
	uint32_t
		ifindex; /* of the netdev the fds belong to, for events and the daemon's book-keeping */
	uint16_t mtu; /* bytes of IP */
	uint16_t reserved0;
	uint64_t cookie; /* the daemon's own; comes back in HELD_VIF */
	char name[SAKLAR_NAME_LEN];
	char ifname[SAKLAR_NAME_LEN];
	uint8_t reserved[24];
};
static_assert(sizeof(struct msg_vif) == 80, "layout is shared");

struct msg_vif_close {
	uint32_t vif_id;
};

/* Places of the fds of a vhost-user session. */
enum vhost_slot {
	VHOST_SLOT_SOCKET, /* to the VMM */
	VHOST_SLOT_LOG,
	VHOST_SLOT_RINGS, /* of each ring: kick, call, err */
	VHOST_SLOT_REGIONS = VHOST_SLOT_RINGS + 3 * VHOST_RINGS_MAX,
	VHOST_SLOT_N = VHOST_SLOT_REGIONS + VHOST_REGIONS_MAX,
};
struct msg_vhost_fd { /* VHOST_DEPOSIT without an fd: what is in the slot is to be closed */
	uint32_t vif_id;
	uint32_t slot; /* enum vhost_slot; VHOST_ATTACH: 0 */
};
enum vhost_state_flag {
	VHOST_STATE_CONNECTED = 1u << 0, /* there is a VMM */
	VHOST_STATE_LIVE = 1u << 1, /* the first pair of rings works: the guest has a driver */
	VHOST_STATE_SEALED = 1u << 2, /* nobody can shrink the guest's memory */
	VHOST_STATE_BROKEN = 1u << 3, /* a ring is not looked at any more, .why says why */
};
struct msg_vhost_state {
	uint32_t vif_id;
	uint32_t flags; /* enum vhost_state_flag */
	uint64_t features; /* negotiated */
	uint32_t n_regions;
	uint16_t n_pairs; /* that work */
	uint16_t reserved;
	char why[160]; /* why the last session ended or a ring broke; "": neither, or forgotten */
};

/* A vif on the rings of a Xen guest.  fds: for each queue one of evtchn to which its ports are bound,
 * then one of gntdev to which the grants of all ring pages have been given. */
#define XEN_FDS_MAX (VIF_QUEUES_MAX + 1)
#define XEN_HEADROOM_MAX \
	0x7ff /* bytes; netif.h allows more, a page has to hold a frame's headers too */
enum msg_xen_feature { /* what the front end takes */
	MSG_XEN_SG = 1u << 0,
	MSG_XEN_GSO_TCP4 = 1u << 1,
	MSG_XEN_GSO_TCP6 = 1u << 2,
	MSG_XEN_CSUM_IP4 = 1u << 3,
	MSG_XEN_CSUM_IP6 = 1u << 4,
	MSG_XEN_MCAST = 1u << 5, /* it names the groups that it wants */
	MSG_XEN_CTRL = 1u << 6, /* it has a control ring */
	MSG_XEN_FEATURES = (1u << 7) - 1,
};
struct msg_xen_queue {
	uint64_t tx_page; /* offset for mmap(2) of the gntdev; "tx" is what the guest sends */
	uint64_t rx_page;
	uint32_t tx_port; /* may be the same */
	uint32_t rx_port;
};
struct msg_xen_vif {
	struct msg_vif vif;
	uint16_t domid;
	uint16_t devid; /* the guest's number of the vif */
	uint32_t features; /* enum msg_xen_feature */
	uint64_t ctrl_page; /* MSG_XEN_CTRL; its port is on the fd of queue 0 */
	uint32_t ctrl_port;
	uint16_t headroom;
	uint16_t reserved;
	struct msg_xen_queue queue[VIF_QUEUES_MAX];
};
struct msg_xen_count {
	uint32_t tx_cons; /* requests that were answered */
	uint32_t tx_waiting; /* that were not yet */
	uint32_t rx_cons;
	uint32_t rx_waiting; /* room that the guest gives */
	uint64_t tx_slots, rx_slots;
	uint64_t tx_refused; /* packets answered with an error */
	uint64_t rx_no_room; /* frames lost because the guest gave no room */
	uint64_t copy_errors; /* grants that could not be copied */
	uint64_t notifies, wakes;
	uint32_t stalled_ms; /* since when the guest gives no room; 0: it does */
	uint32_t event_ms; /* since the guest's last notification; UINT32_MAX: none came */
};
#define XEN_FAILURE_LEN 96
struct msg_xen_counts {
	uint32_t vif_id;
	uint32_t n_queues;
	char failure[XEN_FAILURE_LEN]; /* rule of the protocol that the guest broke; "": none */
	struct msg_xen_count queue[VIF_QUEUES_MAX];
};

struct msg_snapshot {
	uint64_t generation;
	uint64_t size;
};

struct msg_fdb_dump {
	uint32_t network_id; /* 0: all */
	uint32_t cursor; /* 0 at first, then FDB_ENTRIES.next_cursor */
};
struct msg_fdb_entry {
	uint8_t mac[6];
	uint16_t vid;
	uint16_t network_id;
	uint16_t vif_id;
	uint32_t age_ms; /* since last seen */
	uint8_t origin; /* enum fdb_origin */
	uint8_t flags; /* enum msg_fdb_flag */
	uint8_t reserved[2];
	uint32_t moves;
};
enum msg_fdb_flag {
	MSG_FDB_STICKY = 1u << 0,
};
enum fdb_origin {
	FDB_ORIGIN_LEARNED = 1,
	FDB_ORIGIN_LOCAL = 2, /* host leg's MAC */
	FDB_ORIGIN_STATIC = 3, /* put there by the administrator */
};
#define MSG_FDB_ENTRIES_MAX 1024
struct msg_fdb_entries {
	uint32_t next_cursor; /* 0: that was all */
	uint32_t n;
	struct msg_fdb_entry entry[MSG_FDB_ENTRIES_MAX];
};
struct msg_fdb_flush {
	uint32_t network_id; /* 0: all */
	uint32_t vif_id; /* 0: all */
	uint16_t vid; /* 0: all */
	uint8_t mac[6]; /* zero: all; else with network_id, and vid says which: 0 where none are */
};

/* Count cycles by stage for so long from now on. */
struct msg_measure {
	uint32_t ms; /* at most MSG_MEASURE_MAX_MS */
};
#define MSG_MEASURE_MAX_MS 60000

/* Neighbours of router ports.  Dumps go on like those of the FDB: cursor, next_cursor. */
struct msg_neigh_dump {
	uint32_t network_id; /* 0: all */
	uint32_t cursor;
};
enum neigh_state {
	NEIGH_INCOMPLETE = 1, /* asked, no answer yet */
	NEIGH_REACHABLE = 2,
	NEIGH_STALE = 3, /* used, and asked again with the next packet */
	NEIGH_PROBE = 4, /* asked again, still used */
	NEIGH_FAILED = 5, /* nobody answered; forgotten soon */
};
struct msg_neigh_entry {
	uint8_t addr[16]; /* IPv4 as v4-mapped */
	uint8_t mac[6]; /* zero when not known */
	uint16_t network_id;
	uint8_t state; /* enum neigh_state */
	uint8_t n_queued;
	uint8_t reserved[2];
	uint32_t age_ms; /* since it was last confirmed (INCOMPLETE, FAILED: first asked) */
};
#define MSG_NEIGH_ENTRIES_MAX 1024
struct msg_neigh_entries {
	uint32_t next_cursor; /* 0: that was all */
	uint32_t n;
	struct msg_neigh_entry entry[MSG_NEIGH_ENTRIES_MAX];
};
struct msg_neigh_flush {
	uint32_t network_id; /* 0: all */
};

struct msg_ct_dump {
	uint32_t network_id; /* either side; 0: all */
	uint32_t vif_id; /* that began it; 0: all */
	uint32_t cursor;
	uint32_t reserved;
};
enum ct_state {
	CT_NEW = 1, /* UDP and others: one direction seen */
	CT_REPLIED = 2, /* both directions seen */
	CT_TCP_SYN_SENT = 3,
	CT_TCP_SYN_RECV = 4,
	CT_TCP_ESTABLISHED = 5,
	CT_TCP_FIN_WAIT = 6, /* one side has closed */
	CT_TCP_LAST_ACK = 7, /* both have, one FIN not acknowledged */
	CT_TCP_TIME_WAIT = 8,
	CT_TCP_CLOSED = 9, /* reset */
	CT_STATE_N
};
/* A packet as it arrives.  ICMP echo: the id is sport of a request and dport of a reply. */
struct ct_tuple {
	uint8_t src[16]; /* IPv4 as v4-mapped */
	uint8_t dst[16];
	be16 sport;
	be16 dport;
	uint16_t network_id; /* where it arrives */
	uint8_t proto;
	uint8_t is_v6;
};
static_assert(sizeof(struct ct_tuple) == 40, "layout is shared");
struct msg_ct_entry {
	struct ct_tuple orig; /* as the first packet arrived */
	struct ct_tuple reply; /* as its answer arrives; differs from orig turned round: NAT */
	uint64_t packets[2]; /* orig, reply */
	uint64_t bytes[2]; /* of IP */
	uint32_t timeout_s; /* left */
	uint16_t vif_id; /* that began it */
	uint8_t state; /* enum ct_state */
	uint8_t flags; /* enum ct_flag */
};
enum ct_flag {
	CT_SNAT = 1u << 0, /* source translated */
	CT_DNAT = 1u << 1, /* destination translated: a forward */
	CT_ASSURED = 1u << 2, /* both directions seen, TCP: established */
	CT_WHOLE = 1u << 4, /* with CT_SNAT: the source's address outside is its alone */
	CT_MAPPED = 1u << 3, /* with CT_DNAT: not by a forward but to a port that a guest has */
};
#define MSG_CT_ENTRIES_MAX 480
struct msg_ct_entries {
	uint32_t next_cursor; /* 0: that was all */
	uint32_t n;
	struct msg_ct_entry entry[MSG_CT_ENTRIES_MAX];
};
struct msg_ct_flush {
	uint32_t network_id; /* either side; 0: all */
	uint32_t vif_id; /* that began it; 0: all */
};

struct msg_mdb_dump {
	uint32_t network_id; /* 0: all */
	uint32_t cursor;
};
enum mdb_entry_kind {
	MDB_ENTRY_GROUP = 1, /* a vif wants the group, and not others' sources only */
	MDB_ENTRY_SOURCE = 2, /* and of it this source, or not (blocked) */
	MDB_ENTRY_ROUTER = 3, /* a multicast router is behind the vif */
	MDB_ENTRY_QUERIER = 4, /* .source asks, behind the vif; vif 0: the switch itself */
};
enum mdb_entry_flag {
	MDB_ENTRY_STATIC = 1u << 0,
	MDB_ENTRY_EXCLUDE
		= 1u << 1, /* GROUP: all sources that are not blocked; else those listed */
	MDB_ENTRY_BLOCKED = 1u << 2, /* SOURCE */
	MDB_ENTRY_IP6 = 1u << 3, /* ROUTER, QUERIER */
	MDB_ENTRY_FLOODS = 1u << 4, /* QUERIER: members still have time to answer */
};
struct msg_mdb_entry {
	uint8_t group[16]; /* GROUP, SOURCE; as in struct snap_mcast_entry */
	uint8_t source[16]; /* SOURCE, QUERIER */
	uint16_t network_id;
	uint16_t vid;
	uint16_t vif_id;
	uint8_t kind; /* enum mdb_entry_kind */
	uint8_t flags; /* enum mdb_entry_flag */
	uint32_t timer_ms; /* left; 0: does not end by itself */
	uint32_t reserved;
};
static_assert(sizeof(struct msg_mdb_entry) == 48, "layout is shared");
#define MSG_MDB_ENTRIES_MAX 1024
struct msg_mdb_entries {
	uint32_t next_cursor; /* 0: that was all */
	uint32_t n;
	struct msg_mdb_entry entry[MSG_MDB_ENTRIES_MAX];
};

/* Spanning trees.  Dumps go on like those of the FDB: cursor, next_cursor. */
struct msg_stp_dump {
	uint32_t network_id; /* 0: all */
	uint32_t cursor;
};
enum msg_stp_flag {
	MSG_STP_EDGE = 1u << 0, /* no bridge is behind it */
	MSG_STP_RSTP
		= 1u << 1, /* the neighbour is spoken to in RSTP; of a bridge: its own version */
	MSG_STP_GUARDED = 1u << 2, /* BPDU guard has disabled the vif */
	MSG_STP_ROOT_GUARDED = 1u << 3, /* root guard keeps a better root out */
	MSG_STP_LINK = 1u << 4,
};
/* A bridge (vif_id 0) or one of its ports.  Ids: priority in the upper 16 bits, address below. */
struct msg_stp_entry {
	uint64_t root_id; /* port: as its segment has it */
	uint64_t bridge_id; /* port: the designated bridge of its segment */
	uint64_t n_rx, n_tx; /* BPDUs */
	uint32_t root_cost; /* port: of the designated bridge */
	uint32_t cost;
	uint32_t n_rx_tc, n_tx_tc; /* of the BPDUs: telling of a topology change */
	uint32_t n_malformed;
	uint32_t n_transitions; /* port: to forwarding; bridge: topology changes */
	uint32_t changed_s; /* bridge: seconds since the last topology change */
	uint16_t network_id;
	uint16_t vif_id;
	uint16_t port_id; /* bridge: vif id of the root port, 0: is the root */
	uint16_t designated_port_id;
	uint8_t role; /* 0 disabled, 1 root, 2 designated, 3 alternate, 4 backup */
	uint8_t state; /* 0 forwarding, 1 learning, 2 discarding, 3 disabled by BPDU guard, 4 looped */
	uint8_t flags; /* enum msg_stp_flag */
	uint8_t hello_s, max_age_s, forward_delay_s; /* port: of its segment */
	uint8_t forward_while,
		heard_while; /* port: seconds left of forward delay, of what it heard */
	uint8_t reserved[4];
};
static_assert(sizeof(struct msg_stp_entry) == 80, "layout is shared");
#define MSG_STP_ENTRIES_MAX 512
struct msg_stp_entries {
	uint32_t next_cursor; /* 0: that was all */
	uint32_t n;
	struct msg_stp_entry entry[MSG_STP_ENTRIES_MAX];
};

enum capture_target {
	CAPTURE_TARGET_VIF = 1, /* both directions of one vif */
	CAPTURE_TARGET_NETWORK = 2, /* what enters the network, each frame once */
	CAPTURE_TARGET_DROPS = 3, /* what is dropped, with its reason; target_id: vif or 0 */
};
struct msg_bpf_insn {
	uint16_t code;
	uint8_t jt;
	uint8_t jf;
	uint32_t k;
};
struct msg_capture { /* fds: ring memfd, unix socket whose other end the reader has */
	uint32_t capture_id; /* given by the daemon */
	uint32_t target; /* enum capture_target */
	uint32_t target_id; /* vif or network id */
	uint32_t snaplen;
	uint32_t n_insns; /* 0: everything */
	uint32_t reserved;
	struct msg_bpf_insn insn[CAPTURE_FILTER_MAX];
};
struct msg_capture_close {
	uint32_t capture_id;
};

struct msg_ack {
	int32_t rc; /* 0 or -errno */
	uint32_t reserved;
	char text[240]; /* for humans, when rc is not 0; NUL-terminated */
};

enum event_kind {
	EVENT_VIF_DEAD = 1, /* its fd failed for good (device gone); code: errno */
	EVENT_BPDU_GUARD = 10, /* a BPDU came from a vif that may send none: it is disabled */
	EVENT_LOOP = 11, /* a vif brings back what others have sent: it is blocked for a while */
};
struct msg_event {
	uint32_t kind;
	uint32_t vif_id;
	int32_t code;
	uint32_t reserved;
};

#define X(name, number, body, fd_min, fd_max) \
	static_assert(                        \
		sizeof(struct engine_msg_hdr) + sizeof(struct body) <= ENGINE_MSG_LEN_MAX, #name);
ENGINE_MESSAGES(X)
#undef X
