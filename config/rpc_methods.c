/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_methods.c - the one table of what can be asked of the daemon.
 *
 * From: rpc_dispatch.c (lookup), rpc_doc.c (documentation).  To: the handlers in rpc_network.c,
 * rpc_vif.c, rpc_view.c, rpc_capture.c.
 * Theory: name, role, handler, doc and one example each stand in one row; nothing registers itself.
 * Thread: constants. */
#include "config/rpc_methods.h"

const struct rpc_method rpc_methods[] = {
	{ "status", RPC_ROLE_RO, false, rpc_status,
		"The instance as a whole: daemon, engine, numbers of objects, and problems with "
		"their "
		"cures.",
		"{}",
		"{\"version\": \"0.1.0\", \"generation\": 7, \"engine\": {\"state\": \"running\"}, "
		"\"networks\": 1, \"vifs\": 2, \"problems\": []}" },
	{ "network.list", RPC_ROLE_RO, false, rpc_network_list, "All networks, ordered by name.",
		"{}", "[{\"name\": \"lab\", \"mode\": \"isolated\", \"state\": \"up\"}]" },
	{ "network.show", RPC_ROLE_RO, false, rpc_network_show, "One network.",
		"{\"name\": \"lab\"}",
		"{\"name\": \"lab\", \"mode\": \"isolated\", \"state\": \"up\"}" },
	{ "network.add", RPC_ROLE_RW, true, rpc_network_add,
		"Make a network. Fields: see *network* below. The answer comes when the change is "
		"durable and was tried.",
		"{\"name\": \"lab\", \"mode\": \"isolated\", \"subnets\": [\"192.168.77.0/24\"], "
		"\"dhcp\": true}",
		"{\"generation\": 1, \"state\": \"up\", \"reason\": null}" },
	{ "network.set", RPC_ROLE_RW, true, rpc_network_set,
		"Change fields of a network; those not named stay as they are; null gives a field "
		"its "
		"default back.",
		"{\"name\": \"lab\", \"mtu\": 9000}",
		"{\"generation\": 2, \"state\": \"up\", \"reason\": null}" },
	{ "network.del", RPC_ROLE_RW, true, rpc_network_del,
		"Remove a network that no vif is attached to.", "{\"name\": \"lab\"}",
		"{\"generation\": 3}" },
	{ "vif.list", RPC_ROLE_RO, false, rpc_vif_list,
		"All vifs, or those of one network, ordered by name.", "{\"network\": \"lab\"}",
		"[{\"name\": \"web0\", \"type\": \"tap\", \"network\": \"lab\", \"state\": "
		"\"up\"}]" },
	{ "vif.show", RPC_ROLE_RO, false, rpc_vif_show, "One vif.", "{\"name\": \"web0\"}",
		"{\"name\": \"web0\", \"type\": \"tap\", \"network\": \"lab\", \"state\": "
		"\"up\"}" },
	{ "vif.add", RPC_ROLE_RW, true, rpc_vif_add,
		"Attach a vif to a network. Fields: see *vif* below. A device that does not exist "
		"yet is "
		"no error: the vif waits for it, and *reason* says so.",
		"{\"name\": \"web0\", \"network\": \"lab\", \"type\": \"tap\"}",
		"{\"generation\": 4, \"state\": \"up\", \"reason\": null}" },
	{ "vif.set", RPC_ROLE_RW, true, rpc_vif_set,
		"Change fields of a vif; those not named stay as they are; null gives a field its "
		"default back.",
		"{\"name\": \"web0\", \"link\": false}",
		"{\"generation\": 5, \"state\": \"down\", \"reason\": null}" },
	{ "vif.del", RPC_ROLE_RW, true, rpc_vif_del, "Remove a vif.", "{\"name\": \"web0\"}",
		"{\"generation\": 6}" },
	{ "export", RPC_ROLE_RO, false, rpc_export,
		"The whole desired state, ordered by name, without what the defaults give. It is "
		"what *apply* takes.",
		"{}",
		"{\"networks\": [{\"name\": \"lab\", \"mode\": \"isolated\"}], \"vifs\": "
		"[{\"name\": \"web0\", \"network\": \"lab\", \"type\": \"tap\", \"mac\": "
		"\"52:54:00:12:34:56\"}], \"forwards\": []}" },
	{ "apply", RPC_ROLE_RW, true, rpc_apply,
		"Make the desired state equal to this document, in one transaction: what is "
		"missing is "
		"added, what differs is changed, what is not in it is deleted. An object of the "
		"same "
		"name keeps its identity, and its MAC when none is given; a vif whose fixed fields "
		"differ is replaced. An error changes nothing, and its *path* is that of the item, "
		"such as `networks[2].subnets[0]`. A document that changes nothing is no new "
		"generation.",
		"{\"networks\": [{\"name\": \"lab\", \"mode\": \"isolated\"}], \"vifs\": "
		"[{\"name\": \"web0\", \"network\": \"lab\", \"type\": \"tap\"}]}",
		"{\"generation\": 8, \"added\": [\"network lab\", \"vif web0\"], "
		"\"changed\": [], \"deleted\": []}" },
	{ "forward.list", RPC_ROLE_RO, false, rpc_forward_list,
		"Port forwards, of all networks or one.", "{\"network\": \"lab\"}",
		"[{\"network\": \"lab\", \"proto\": \"tcp\", \"port\": 8080, \"address\": "
		"\"192.168.77.10\", \"target_port\": 80}]" },
	{ "forward.add", RPC_ROLE_RW, true, rpc_forward_add,
		"Lead a port of the uplink's address to a guest of a nat network. Fields: see "
		"*forward* below.",
		"{\"network\": \"lab\", \"proto\": \"tcp\", \"port\": 8080, \"address\": "
		"\"192.168.77.10\", \"target_port\": 80}",
		"{\"generation\": 9, \"state\": \"up\", \"reason\": null}" },
	{ "forward.del", RPC_ROLE_RW, true, rpc_forward_del, "Remove a forward.",
		"{\"network\": \"lab\", \"proto\": \"tcp\", \"port\": 8080}",
		"{\"generation\": 10}" },
	{ "mdb.list", RPC_ROLE_RO, false, rpc_mdb_list,
		"Multicast groups and who wants them, routers and queriers, of all networks or "
		"one. "
		"*kind* is group (*mode*: exclude all but what is blocked, or include what is "
		"forwarding), source, router, or querier (*vif* null: Saklar itself; *flooding*: "
		"members still have time to answer).",
		"{\"network\": \"lab\"}",
		"[{\"network\": \"lab\", \"vlan\": 0, \"kind\": \"group\", \"family\": \"ipv4\", "
		"\"vif\": \"web0\", \"group\": \"239.1.1.1\", \"source\": null, \"mode\": "
		"\"exclude\", \"static\": false, \"flooding\": false, \"timeout_s\": 251.3}]" },
	{ "mdb.add", RPC_ROLE_RW, true, rpc_mdb_add,
		"Send a group to a vif always; *source* and *vlan* may be left out. It becomes one "
		"of the vif's multicast_groups.",
		"{\"vif\": \"web0\", \"group\": \"239.1.1.1\"}", "{\"generation\": 10}" },
	{ "mdb.del", RPC_ROLE_RW, true, rpc_mdb_del, "Take a static group away from a vif.",
		"{\"vif\": \"web0\", \"group\": \"239.1.1.1\"}", "{\"generation\": 11}" },
	{ "lease.list", RPC_ROLE_RO, false, rpc_lease_list,
		"Addresses that DHCP has given to guests, of all networks or one. *name* is what "
		"the guest calls itself; *left_s* null: for ever.",
		"{\"network\": \"lab\"}",
		"[{\"network\": \"lab\", \"address\": \"192.168.77.10\", \"mac\": "
		"\"52:54:00:12:34:56\", \"vif\": \"web0\", \"name\": \"web\", \"left_s\": 3500}]" },
	{ "neighbour.list", RPC_ROLE_RO, false, rpc_neighbour_list,
		"MAC addresses by IP address that the router knows or asks for. *side* is guests "
		"or uplink.",
		"{\"network\": \"lab\"}",
		"[{\"network\": \"lab\", \"side\": \"guests\", \"address\": \"192.168.77.10\", "
		"\"mac\": \"52:54:00:12:34:56\", \"state\": \"reachable\", \"age_s\": 3, "
		"\"queued\": 0}]" },
	{ "neighbour.flush", RPC_ROLE_RW, true, rpc_neighbour_flush,
		"Forget neighbours: all, or those of one network and its uplink.",
		"{\"network\": \"lab\"}", "{\"generation\": 6}" },
	{ "stp.show", RPC_ROLE_RO, false, rpc_stp_show,
		"Spanning trees of all networks that have one, or of one network: the bridge, and "
		"its ports with role (root, designated, alternate, backup, disabled), state "
		"(forwarding, learning, discarding, disabled), what their segment's designated "
		"bridge says, and timers in seconds.",
		"{\"network\": \"lab\"}",
		"[{\"network\": \"lab\", \"version\": \"rstp\", \"bridge_id\": "
		"\"8000.525400123456\", \"root_id\": \"8000.525400123456\", \"is_root\": true, "
		"\"root_port\": null, \"root_cost\": 0, \"hello_time\": 2, \"max_age\": 20, "
		"\"forward_delay\": 15, \"topology_changes\": 1, \"changed_s\": 42, \"ports\": "
		"[{\"vif\": \"web0\", \"role\": \"designated\", \"state\": \"forwarding\", "
		"\"edge\": true, \"cost\": 2000}]}]" },
	{ "route.list", RPC_ROLE_RO, false, rpc_route_list,
		"Routes of the router. A packet that comes in *from* a side of a network is led by "
		"the longest *prefix* of that table.",
		"{\"network\": \"lab\"}",
		"[{\"network\": \"lab\", \"from\": \"guests\", \"prefix\": \"0.0.0.0/0\", "
		"\"kind\": \"via\", \"via\": \"169.254.64.1\", \"out_network\": \"lab\", "
		"\"out\": \"uplink\"}]" },
	{ "route.add", RPC_ROLE_RW, true, rpc_route_add,
		"Lead what is for *prefix* to the router *via*, a guest of the network or a "
		"neighbour of its uplink. It becomes one of the network's routes.",
		"{\"network\": \"lab\", \"prefix\": \"10.9.0.0/16\", \"via\": \"192.168.77.5\"}",
		"{\"generation\": 7, \"state\": \"up\", \"reason\": null}" },
	{ "route.del", RPC_ROLE_RW, true, rpc_route_del, "Take a route from a network.",
		"{\"network\": \"lab\", \"prefix\": \"10.9.0.0/16\"}",
		"{\"generation\": 8, \"state\": \"up\", \"reason\": null}" },
	{ "connection.list", RPC_ROLE_RO, false, rpc_connection_list,
		"Connections through the router, of all networks, or of one network or vif. "
		"*reply* "
		"is how an answer arrives; where it is not *original* turned round, *nat* says "
		"what "
		"is translated. *proto*, *address* (or a subnet), *port*, *state* and *nat* choose "
		"among them; an address or port counts wherever it stands.",
		"{\"network\": \"lab\"}",
		"[{\"network\": \"lab\", \"side\": \"guests\", \"vif\": \"web0\", \"proto\": "
		"\"tcp\", \"state\": \"established\", \"nat\": \"source\", \"timeout_s\": "
		"431990, \"original\": {\"source\": \"192.168.77.10\", \"source_port\": 40000, "
		"\"destination\": \"192.0.2.1\", \"destination_port\": 443}}]" },
	{ "connection.flush", RPC_ROLE_RW, true, rpc_connection_flush,
		"Forget connections: all, or those of one network or vif.",
		"{\"network\": \"lab\"}", "{\"generation\": 6}" },
	{ "fdb.list", RPC_ROLE_RO, false, rpc_fdb_list,
		"MAC addresses that the switch knows, of all networks or one.",
		"{\"network\": \"lab\"}",
		"[{\"network\": \"lab\", \"mac\": \"52:54:00:12:34:56\", \"vlan\": 0, \"vif\": "
		"\"web0\", "
		"\"age_s\": 3, \"origin\": \"learned\", \"sticky\": false, \"moves\": 0}]" },
	{ "fdb.add", RPC_ROLE_RW, true, rpc_fdb_add,
		"Put a MAC address behind a vif, or behind a network's host leg (*vif* is the "
		"network's name then). It is a field *fdb* of the vif or network from then on.",
		"{\"mac\": \"52:54:00:12:34:56\", \"vif\": \"web0\", \"vlan\": 10, "
		"\"sticky\": true}",
		"{\"generation\": 7}" },
	{ "fdb.del", RPC_ROLE_RW, true, rpc_fdb_del,
		"Take a MAC address away: one that was added (in several VLANs: one of them, "
		"unless "
		"*vlan* says which), or else all that was learned about it.",
		"{\"mac\": \"52:54:00:12:34:56\", \"network\": \"lab\", \"vlan\": 10}",
		"{\"generation\": 8}" },
	{ "fdb.flush", RPC_ROLE_RW, true, rpc_fdb_flush,
		"Forget learned MAC addresses: all, or those of one network, vif or VLAN.",
		"{\"network\": \"lab\"}", "{\"generation\": 6}" },
	{ "mirror.list", RPC_ROLE_RO, false, rpc_mirror_list,
		"Which vifs get copies of whose packets: all, or what one vif gets.",
		"{\"vif\": \"mon0\"}",
		"[{\"vif\": \"mon0\", \"source\": \"web0\", \"kind\": \"vif\", "
		"\"direction\": \"both\", \"vlan\": 0, \"filter\": \"proto=tcp\", "
		"\"mirror\": \"web0,proto=tcp\"}]" },
	{ "mirror.add", RPC_ROLE_RW, true, rpc_mirror_add,
		"Have a vif, which is in no network, get copies of the packets of another one, "
		"or of a network. It is a field *mirror* of the vif from then on.",
		"{\"vif\": \"mon0\", \"mirror\": \"web0,rx,vlan=10,ip=10.0.0.0/8,proto=tcp,"
		"port=443\"}",
		"{\"generation\": 7}" },
	{ "mirror.del", RPC_ROLE_RW, true, rpc_mirror_del,
		"End what mirror.add began; with a name alone, all that the vif gets of that "
		"source.",
		"{\"vif\": \"mon0\", \"mirror\": \"web0\"}", "{\"generation\": 8}" },
	{ "drops", RPC_ROLE_RO, false, rpc_drops,
		"Dropped packets by vif and reason; only what was counted.",
		"{\"network\": \"lab\"}",
		"[{\"vif\": \"web0\", \"network\": \"lab\", \"reason\": \"link_down\", "
		"\"packets\": 3, "
		"\"doc\": \"the vif is down: ...\"}]" },
	{ "worker.list", RPC_ROLE_RO, false, rpc_worker_list,
		"Counters of the engine's workers. With stages, cycles are counted by stage for "
		"the next "
		"five seconds; the difference of two answers is what packets cost in between.",
		"{\"stages\": false}",
		"[{\"worker\": 0, \"busy_percent\": 12.5, \"cycles_per_packet\": 800, \"packets\": "
		"1200, "
		"\"hops\": 0, \"wakeups\": 40}]" },
	{ "capture.open", RPC_ROLE_CAP, false, rpc_capture_open,
		"Begin a capture of a vif, of a network, or of dropped packets. The answer carries "
		"two "
		"fds: the ring's memfd and a socket that wakes; packets never pass through the "
		"daemon. "
		"*filter* "
		"is classic BPF, [code, jt, jf, k] each. It ends with the connection.",
		"{\"target\": \"vif\", \"name\": \"web0\", \"snaplen\": 262144, \"filter\": [[6, "
		"0, 0, "
		"262144]], \"ring_size\": 4194304}",
		"{\"capture_id\": 1, \"ring_size\": 4194304, \"snaplen\": 262144, \"vifs\": "
		"[{\"id\": 1, "
		"\"name\": \"web0\"}]}" },
	{ "capture.close", RPC_ROLE_CAP, false, rpc_capture_close,
		"End a capture of this connection.", "{\"capture_id\": 1}", "{}" },
	{ "schema", RPC_ROLE_RO, false, rpc_schema,
		"The fields of networks, vifs and forwards as a table.", "{}",
		"{\"network\": [{\"key\": \"name\", \"kind\": \"name\"}], \"vif\": [], "
		"\"forward\": []}" },
	{ "history", RPC_ROLE_RO, false, rpc_history,
		"The last changes, newest first: what, when, by whom.", "{\"max\": 10}",
		"[{\"generation\": 1, \"at\": 1767225600, \"uid\": 0, \"gid\": 0, \"pid\": 4242, "
		"\"method\": \"network.add\", \"params\": {\"name\": \"lab\"}}]" },
	{ "daemon.stop", RPC_ROLE_RW, true, rpc_daemon_stop,
		"End the daemon; with *engine* also the engine, dnsmasq, the host legs and the "
		"nftables "
		"table.",
		"{\"engine\": true}", "{\"pid\": 4241}" },
};
const size_t rpc_n_methods = ARRAY_LEN(rpc_methods);
