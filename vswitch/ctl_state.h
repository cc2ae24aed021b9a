/* SPDX-License-Identifier: Apache-2.0 */
/* ctl_state.h - what the control thread holds; shared by ctl.c (socket) and ctl_apply.c (meaning).
 *
 * Ownership: every vif, capture, segment and snapshot in here is in exactly one of: the current
 * configuration, or about to be freed after worker_publish() has returned. */
#pragma once

#include "vswitch/balance.h"
#include "vswitch/ctl.h"
#include "vswitch/ctl_wire.h"
#include "vswitch/state.h"

struct ctl {
	struct ctl_params params;
	int epoll_fd;
	int conn_fd; /* -1: no daemon */
	bool has_hello;
	bool must_stop;
	uint32_t seq; /* of the request being answered */
	const struct worker_config *config;
	struct state state;
	struct balance balance;
	struct msg_vif vif_msg[VIF_ID_MAX]; /* as the daemon gave it, for HELD_VIF */
	uint64_t dead[VIF_ID_MAX / 64]; /* vifs whose fds failed for good */
	uint64_t vhost_due_ns; /* when a VMM is to be heard that has said too much; 0: none has */
	union { /* answer under construction */
		struct msg_fdb_entries fdb_entries;
		struct msg_neigh_entries neigh_entries;
		struct msg_mdb_entries mdb_entries;
		struct msg_ct_entries ct_entries;
		struct msg_xen_counts xen_counts;
		struct msg_stp_entries stp_entries;
	};
	_Alignas(8) uint8_t in[ENGINE_MSG_LEN_MAX];
};

/* Carry out @r; data messages go out through ctl_answer(), the caller sends the ACK.  0 or -errno
 * with @e; -EPROTO ends the connection. */
[[nodiscard]] int ctl_apply(struct ctl *c, struct ctl_request *r, struct err *e);

/* Tell the daemon that the fd of @vif_id has failed for good.  0 or -ECONNRESET. */
[[nodiscard]] int ctl_tell_dead(struct ctl *c, uint16_t vif_id);
/* Any event.  0 or -ECONNRESET. */
[[nodiscard]] int ctl_tell_event(struct ctl *c, const struct msg_event *m);
/* The tables of routed networks: dumps and flushes; vswitch/ctl_tables.c. */
[[nodiscard]] int ctl_mdb_dump(struct ctl *c, struct ctl_request *r, struct err *e);
[[nodiscard]] int ctl_neigh_dump(struct ctl *c, struct ctl_request *r, struct err *e);
[[nodiscard]] int ctl_neigh_flush(struct ctl *c, struct ctl_request *r, struct err *e);
[[nodiscard]] int ctl_ct_dump(struct ctl *c, struct ctl_request *r, struct err *e);
[[nodiscard]] int ctl_ct_flush(struct ctl *c, struct ctl_request *r, struct err *e);
/* Spanning trees; vswitch/ctl_stp.c. */
[[nodiscard]] int ctl_stp_dump(struct ctl *c, struct ctl_request *r, struct err *e);
/* Log what has happened to them and tell the daemon what it wants to know.  0 or -ECONNRESET. */
[[nodiscard]] int ctl_stp_events(struct ctl *c);

/* Sockets of vhost-user vifs: vswitch/ctl_vhost.c. */
[[nodiscard]] int ctl_vhost_init(struct ctl *c);
void ctl_vhost_open(struct ctl *c, struct vif *v); /* any vif, published */
bool ctl_vhost_event(struct ctl *c, int fd); /* false: the fd is no vif's */
bool ctl_vhost_dead(struct ctl *c, uint16_t vif_id); /* false: another type of vif */
int ctl_vhost_timeout_ms(const struct ctl *c); /* for epoll_wait(2) */
void ctl_vhost_due(struct ctl *c); /* whose budget is there again */
void ctl_vhost_held(struct ctl *c, const struct vif *v); /* any vif: what belongs to HELD_VIF */
[[nodiscard]] int ctl_vhost_attach(struct ctl *c, struct ctl_request *r, struct err *e);
[[nodiscard]] int ctl_vhost_give(struct ctl *c, struct ctl_request *r, struct err *e);
[[nodiscard]] int ctl_vhost_resume(struct ctl *c, struct ctl_request *r, struct err *e);

/* Say something that was not asked for, when there is a daemon. */
void ctl_tell(struct ctl *c, uint32_t type, const void *body, size_t body_len, const int *fds,
	unsigned n_fds);

/* Publish @v, which replaces the vif of its id; @v is closed on failure.  vswitch/ctl_apply.c. */
[[nodiscard]] int ctl_vif_add(struct ctl *c, struct vif *v, const struct msg_vif *m, struct err *e);
/* Rings of Xen guests: vswitch/ctl_xen.c. */
[[nodiscard]] int ctl_xen_open(struct ctl *c, struct ctl_request *r, struct err *e);
[[nodiscard]] int ctl_xen_stats(struct ctl *c, struct ctl_request *r, struct err *e);
[[nodiscard]] int ctl_xen_tell_held(struct ctl *c, const struct vif *v);

/* Send a message with the seq of the request being answered. */
[[nodiscard]] int ctl_answer(struct ctl *c, uint32_t type, const void *body, size_t body_len,
	const int *fds, unsigned n_fds);
