/* SPDX-License-Identifier: Apache-2.0 */
/* cli_verbs.c - every verb of the command line, one row each.
 *
 * From: cli.c (dispatch), cli_help.c (help), cmd_complete.c (completion).  To: cmd_*.c.
 * Invariants: rows of one noun follow each other; doc begins with a lower-case letter; a row with a
 * schema takes the name as its first word.  Thread: constants. */
#include "tools/cmd.h"

static const struct cli_flag fdb_list_flags[] = {
	{ "network", 0, "NETWORK", false, COMPLETE_NETWORK, "only addresses of this network" },
	{ "vif", 0, "VIF", false, COMPLETE_VIF, "only addresses behind this vif" },
	{ 0 },
};
static const struct cli_flag fdb_flush_flags[] = {
	{ "network", 0, "NETWORK", false, COMPLETE_NETWORK, "only addresses of this network" },
	{ "vif", 0, "VIF", false, COMPLETE_VIF, "only addresses behind this vif" },
	{ "vlan", 0, "VID", true, COMPLETE_NOTHING, "only addresses of this VLAN" },
	{ 0 },
};
static const struct cli_flag fdb_add_flags[] = {
	{ "vlan", 0, "VID", true, COMPLETE_NOTHING,
		"VLAN of the address; needed where the vif is in several" },
	{ "sticky", 0, NULL, false, COMPLETE_NOTHING,
		"leave it there when another vif says the address" },
	{ 0 },
};
static const struct cli_flag fdb_del_flags[] = {
	{ "vlan", 0, "VID", true, COMPLETE_NOTHING, "only that of this VLAN" },
	{ 0 },
};
static const struct cli_flag mirror_list_flags[] = {
	{ "vif", 0, "VIF", false, COMPLETE_VIF, "only what this vif gets" },
	{ 0 },
};
static const struct cli_flag mirror_flags[] = {
	{ "direction", 0, "rx|tx|both", false, COMPLETE_NOTHING,
		"rx: what the source sends; tx: what is sent to it; else both of a vif, and rx "
		"of a network" },
	{ "vlan", 0, "VID", false, COMPLETE_NOTHING, "only packets of this VLAN" },
	{ "ip", 0, "NET", false, COMPLETE_NOTHING, "only IP packets from or to these addresses" },
	{ "proto", 0, "PROTO", false, COMPLETE_NOTHING,
		"only this protocol: tcp, udp, icmp, icmp6, sctp or its number" },
	{ "port", 0, "N", false, COMPLETE_NOTHING, "only from or to this port" },
	{ "ether", 0, "TYPE", false, COMPLETE_NOTHING, "only this EtherType, such as 0x0806" },
	{ 0 },
};
static const struct cli_flag network_flags[] = {
	{ "network", 0, "NETWORK", false, COMPLETE_NETWORK, "only those of this network" },
	{ 0 },
};
static const struct cli_flag connection_flags[] = {
	{ "network", 0, "NETWORK", false, COMPLETE_NETWORK, "only those of this network" },
	{ "vif", 0, "VIF", false, COMPLETE_VIF, "only those that this vif began" },
	{ 0 },
};
static const struct cli_flag connection_list_flags[] = {
	{ "network", 0, "NETWORK", false, COMPLETE_NETWORK, "only those of this network" },
	{ "vif", 0, "VIF", false, COMPLETE_VIF, "only those that this vif began" },
	{ "proto", 0, "PROTO", false, COMPLETE_NOTHING,
		"only tcp, udp, icmp, icmpv6, gre, sctp, esp" },
	{ "address", 0, "ADDR|CIDR", false, COMPLETE_NOTHING,
		"only those with this address, before or behind a translation" },
	{ "port", 0, "PORT", true, COMPLETE_NOTHING, "only those with this port, likewise" },
	{ "state", 0, "STATE", false, COMPLETE_NOTHING, "only those in this state" },
	{ "nat", 0, "WHAT", false, COMPLETE_NOTHING,
		"only where this is translated: source, destination, both, none" },
	{ 0 },
};
static const struct cli_flag drops_flags[] = {
	{ "vif", 0, "VIF", false, COMPLETE_VIF, "only drops of this vif" },
	{ "follow", 'f', NULL, false, COMPLETE_NOTHING, "go on, and print new drops every second" },
	{ 0 },
};
static const struct cli_flag capture_flags[] = {
	{ "write", 'w', "FILE", false, COMPLETE_FILE,
		"write pcapng to FILE; - is standard output" },
	{ "snaplen", 's', "BYTES", true, COMPLETE_NOTHING,
		"keep at most so many bytes of a packet; default 262144" },
	{ "count", 'c', "N", true, COMPLETE_NOTHING, "stop after N packets" },
	{ "drops", 0, NULL, false, COMPLETE_NOTHING,
		"packets of all vifs that were dropped, with the reason" },
	{ "buffer", 0, "BYTES", true, COMPLETE_NOTHING,
		"size of the ring between engine and reader; default 4194304" },
	{ 0 },
};

static const struct cli_flag worker_flags[] = {
	{ "stages", 0, NULL, false, COMPLETE_NOTHING,
		"cycles a packet by stage of the pipeline, of the next second" },
	{ 0 },
};

static const char set_more[] = "--no-FLAG empties a list (--no-dhcp-range) or gives a field its "
			       "default back (--no-mtu).";
static const char export_more[] = "YAML, or JSON with --json; what the defaults give is left out.  "
				  "MAC addresses are in it,\n"
				  "so that another instance becomes the same.";
static const char apply_more[]
	= "What the file does not name is deleted, what it names is added or changed, all in one\n"
	  "step or not at all.  An object that keeps its name keeps its MAC address unless the\n"
	  "file gives it one.  FILE is YAML or JSON; - is standard input.";
static const char forward_more[] = "PORT of the address on the uplink leads to the guest; without "
				   "a port behind ADDR, to the\n"
				   "same port.  Write an IPv6 address as [ADDR]:PORT.  By its vif "
				   "a guest is found\n"
				   "whatever IPv4 address DHCP gives it.";
static const char fdb_more[]
	= "It is a field fdb of the vif or network from then on: saklar vif show names it, saklar\n"
	  "export has it, and it does not age.";
static const char route_more[]
	= "The host itself reaches what is behind a guest, too; from outside it is reached in\n"
	  "networks of mode open only, since the others let nothing pass but their subnets.";
static const char mirror_more[]
	= "VIF is one that is in no network, so that copies never come back.  It is a field "
	  "mirror\n"
	  "of it from then on.  A packet between two sources is copied as each of them has it.";
static const char connection_more[]
	= "SEEN-FROM: the source as the other side sees it; SENT-TO: where it was led to, by a\n"
	  "forward.  Both are empty where nothing is translated.";
static const char drops_more[]
	= "Counters count since the vif was added; they outlive the engine.  To see the packets\n"
	  "themselves: saklar capture --drops.";
static const char worker_more[]
	= "BUSY: of the last second; HOPS: packets that went to worker 0, which owns the tables.\n"
	  "Stages are those of docs/packet-walk.md; they are measured only while somebody asks.";
static const char qemu_more[]
	= "For vifs of types tap and vhost-user; the latter's set the guest's memory too, 1 GiB\n"
	  "that is shared (another size: replace it).  The text goes to standard output, remarks "
	  "to standard error:\n"
	  "qemu-system-x86_64 ... $(saklar vif qemu-args web0)";
static const char capture_more[]
	= "VIF: what one vif sends and receives, or the port up-NETWORK by which a network leads "
	  "out;\n"
	  "NETWORK: what enters it from its vifs, its host leg and its router, with the guests' "
	  "own\n"
	  "addresses.\n"
	  "The expression is that of tcpdump (pcap-filter(7)) and is run before a packet is "
	  "copied.\n"
	  "Without -w each packet is one line, by tcpdump where it is installed.  With -w - the "
	  "packets\n"
	  "can be seen live: saklar capture web0 -w - | wireshark -k -i -\n"
	  "Packets that were not cut into segments yet are shown whole, with their true length.";

#define NETWORK .noun = "network", .schema = &schema_network
#define VIF .noun = "vif", .schema = &schema_vif
#define ONE(what, kind) .args = (what), .min_words = 1, .max_words = 1, .complete = (kind)

const struct cli_verb cli_verbs[] = {
	{ .noun = "status",
		.args = "",
		.doc = "how daemon and engine are, and what is wrong",
		.example = "saklar status",
		.run = cmd_status },

	{ NETWORK, .verb = "add", ONE("NAME", COMPLETE_NOTHING), .use = SCHEMA_ADD,
		.doc = "add a network",
		.example = "saklar network add lan --mode isolated --subnet 192.168.77.0/24 --dhcp",
		.run = cmd_object_change },
	{ NETWORK, .verb = "set", ONE("NAME", COMPLETE_NETWORK), .use = SCHEMA_SET,
		.doc = "change what is given, leave the rest", .more = set_more,
		.example = "saklar network set lan --mtu 9000", .run = cmd_object_change },
	{ NETWORK, .verb = "show", ONE("NAME", COMPLETE_NETWORK),
		.doc = "everything about a network", .example = "saklar network show lan",
		.run = cmd_object_show },
	{ NETWORK, .verb = "list", .args = "", .doc = "all networks",
		.example = "saklar network list --json", .run = cmd_network_list },
	{ NETWORK, .verb = "del", .args = "NAME...", .min_words = 1, .max_words = 256,
		.complete = COMPLETE_NETWORK, .doc = "delete networks that have no vifs",
		.example = "saklar network del lan", .run = cmd_object_del },

	{ VIF, .verb = "add", ONE("NAME", COMPLETE_NOTHING), .use = SCHEMA_ADD, .doc = "add a vif",
		.example = "saklar vif add web0 --network lan --type tap --queues 2",
		.run = cmd_object_change },
	{ VIF, .verb = "set", ONE("NAME", COMPLETE_VIF), .use = SCHEMA_SET,
		.doc = "change what is given, leave the rest", .more = set_more,
		.example = "saklar vif set web0 --down", .run = cmd_object_change },
	{ VIF, .verb = "show", ONE("NAME", COMPLETE_VIF), .doc = "everything about a vif",
		.example = "saklar vif show web0", .run = cmd_object_show },
	{ VIF, .verb = "list", .args = "", .doc = "all vifs, their state and counters",
		.example = "saklar vif list --json", .run = cmd_vif_list },
	{ VIF, .verb = "del", .args = "NAME...", .min_words = 1, .max_words = 256,
		.complete = COMPLETE_VIF, .doc = "delete vifs",
		.example = "saklar vif del web0 web1", .run = cmd_object_del },
	{ VIF, .verb = "qemu-args", ONE("NAME", COMPLETE_VIF),
		.doc = "arguments for QEMU's command line", .more = qemu_more,
		.example = "saklar vif qemu-args web0", .run = cmd_vif_qemu_args },
	{ VIF, .verb = "libvirt-xml", ONE("NAME", COMPLETE_VIF),
		.doc = "element for the devices of a libvirt domain",
		.example = "saklar vif libvirt-xml web0 > nic.xml && virsh attach-device web "
			   "nic.xml --config",
		.run = cmd_vif_libvirt_xml },
	{ VIF, .verb = "xl", ONE("NAME", COMPLETE_VIF),
		.doc = "line for the xl configuration of a Xen guest",
		.example = "saklar vif xl web0 >>/etc/xen/web.cfg", .run = cmd_vif_xl },

	{ .noun = "fdb",
		.verb = "list",
		.args = "",
		.flags = fdb_list_flags,
		.doc = "which MAC address is behind which vif",
		.example = "saklar fdb list --network lan",
		.run = cmd_fdb_list },
	{ .noun = "fdb",
		.verb = "add",
		.args = "MAC VIF|NETWORK",
		.min_words = 2,
		.max_words = 2,
		.complete = COMPLETE_VIF_OR_NETWORK,
		.flags = fdb_add_flags,
		.doc = "put a MAC address behind a vif, or behind a network's host leg",
		.more = fdb_more,
		.example = "saklar fdb add 52:54:00:12:34:56 web0 --sticky",
		.run = cmd_fdb_add },
	{ .noun = "fdb",
		.verb = "del",
		.args = "MAC NETWORK",
		.min_words = 2,
		.max_words = 2,
		.complete = COMPLETE_NETWORK,
		.flags = fdb_del_flags,
		.doc = "take a MAC address away, whether it was added or learned",
		.example = "saklar fdb del 52:54:00:12:34:56 lan",
		.run = cmd_fdb_del },
	{ .noun = "fdb",
		.verb = "flush",
		.args = "",
		.flags = fdb_flush_flags,
		.doc = "forget the learned MAC addresses",
		.example = "saklar fdb flush --network lan",
		.run = cmd_fdb_flush },
	{ .noun = "mirror",
		.verb = "list",
		.args = "",
		.flags = mirror_list_flags,
		.doc = "which vifs get copies of whose packets",
		.example = "saklar mirror list",
		.run = cmd_mirror_list },
	{ .noun = "mirror",
		.verb = "add",
		.args = "VIF|NETWORK VIF",
		.min_words = 2,
		.max_words = 2,
		.complete = COMPLETE_VIF_OR_NETWORK,
		.flags = mirror_flags,
		.doc = "have the second vif get copies of the packets of a vif or network",
		.more = mirror_more,
		.example = "saklar mirror add web0 mon0 --proto tcp --port 443",
		.run = cmd_mirror_add },
	{ .noun = "mirror",
		.verb = "del",
		.args = "VIF|NETWORK VIF",
		.min_words = 2,
		.max_words = 2,
		.complete = COMPLETE_VIF_OR_NETWORK,
		.flags = mirror_flags,
		.doc = "end that; without flags, all that the vif gets of the source",
		.example = "saklar mirror del web0 mon0",
		.run = cmd_mirror_del },

	{ .noun = "mdb",
		.verb = "list",
		.args = "",
		.flags = network_flags,
		.doc = "which vif wants which multicast group, and who asks",
		.example = "saklar mdb list --network lan",
		.run = cmd_mdb_list },
	{ .noun = "mdb",
		.verb = "add",
		.args = "VIF GROUP[,SOURCE][,vlan=VID]",
		.min_words = 2,
		.max_words = 2,
		.complete = COMPLETE_VIF,
		.doc = "always send a multicast group to a vif",
		.example = "saklar mdb add web0 239.1.1.1",
		.run = cmd_mdb_add },
	{ .noun = "mdb",
		.verb = "del",
		.args = "VIF GROUP[,SOURCE][,vlan=VID]",
		.min_words = 2,
		.max_words = 2,
		.complete = COMPLETE_VIF,
		.doc = "send a multicast group to a vif only when it asks",
		.example = "saklar mdb del web0 239.1.1.1",
		.run = cmd_mdb_del },

	{ .noun = "forward",
		.verb = "add",
		.args = "NETWORK PROTO PORT[-PORT] ADDR|vif:NAME[:PORT]",
		.min_words = 4,
		.max_words = 4,
		.complete = COMPLETE_FORWARD,
		.doc = "lead a port of the uplink to a guest of a nat network",
		.more = forward_more,
		.example = "saklar forward add lan tcp 8080 192.168.77.10:80",
		.run = cmd_forward_add },
	{ .noun = "forward",
		.verb = "del",
		.args = "NETWORK PROTO PORT",
		.min_words = 3,
		.max_words = 3,
		.complete = COMPLETE_FORWARD,
		.doc = "delete a forward",
		.example = "saklar forward del lan tcp 8080",
		.run = cmd_forward_del },
	{ .noun = "forward",
		.verb = "list",
		.args = "",
		.flags = network_flags,
		.doc = "all forwards",
		.example = "saklar forward list --network lan",
		.run = cmd_forward_list },

	{ .noun = "lease",
		.verb = "list",
		.args = "",
		.flags = network_flags,
		.doc = "which address DHCP has given to which guest",
		.example = "saklar lease list --network lan",
		.run = cmd_lease_list },

	{ .noun = "neighbour",
		.verb = "list",
		.args = "",
		.flags = network_flags,
		.doc = "which MAC address the router sends to for an IP address",
		.example = "saklar neighbour list --network lan",
		.run = cmd_neighbour_list },
	{ .noun = "neighbour",
		.verb = "flush",
		.args = "",
		.flags = network_flags,
		.doc = "forget neighbours: they are asked for again",
		.example = "saklar neighbour flush --network lan",
		.run = cmd_neighbour_flush },
	{ .noun = "stp",
		.verb = "show",
		.args = "",
		.flags = network_flags,
		.doc = "spanning trees: roots, roles, states, timers, counters",
		.example = "saklar stp show --network lan",
		.run = cmd_stp_show },
	{ .noun = "route",
		.verb = "list",
		.args = "",
		.flags = network_flags,
		.doc = "where the router sends packets of a network",
		.example = "saklar route list --network lan",
		.run = cmd_route_list },
	{ .noun = "route",
		.verb = "add",
		.args = "NETWORK CIDR ADDR",
		.min_words = 3,
		.max_words = 3,
		.complete = COMPLETE_NETWORK,
		.doc = "lead a prefix to a router: a guest, or a neighbour of the uplink",
		.more = route_more,
		.example = "saklar route add lan 10.9.0.0/16 192.168.77.5",
		.run = cmd_route_add },
	{ .noun = "route",
		.verb = "del",
		.args = "NETWORK CIDR",
		.min_words = 2,
		.max_words = 2,
		.complete = COMPLETE_NETWORK,
		.doc = "delete a route that was added",
		.example = "saklar route del lan 10.9.0.0/16",
		.run = cmd_route_del },
	{ .noun = "connection",
		.verb = "list",
		.args = "",
		.flags = connection_list_flags,
		.doc = "connections through the router, and how they are translated",
		.more = connection_more,
		.example = "saklar connection list --vif web0 --port 443",
		.run = cmd_connection_list },
	{ .noun = "connection",
		.verb = "flush",
		.args = "",
		.flags = connection_flags,
		.doc = "forget connections: their translations end",
		.example = "saklar connection flush --vif web0",
		.run = cmd_connection_flush },

	{ .noun = "drops",
		.args = "",
		.flags = drops_flags,
		.doc = "who lost how many packets, and why",
		.more = drops_more,
		.example = "saklar drops --vif web0 -f",
		.run = cmd_drops },

	{ .noun = "capture",
		.args = "VIF|NETWORK|--drops [EXPRESSION]",
		.max_words = 1024,
		.complete = COMPLETE_VIF_OR_NETWORK,
		.flags = capture_flags,
		.doc = "see packets as they pass, or are dropped",
		.more = capture_more,
		.example = "saklar capture web0 -c 10 'tcp port 80'",
		.run = cmd_capture },

	{ .noun = "worker",
		.verb = "list",
		.args = "",
		.flags = worker_flags,
		.doc = "the engine's threads and their load",
		.more = worker_more,
		.example = "saklar worker list --stages",
		.run = cmd_worker_list },

	{ .noun = "export",
		.args = "",
		.doc = "print the whole desired state",
		.more = export_more,
		.example = "saklar export > lab.yaml",
		.run = cmd_export },
	{ .noun = "apply",
		.args = "FILE",
		.min_words = 1,
		.max_words = 1,
		.complete = COMPLETE_FILE,
		.doc = "make the desired state equal to a file",
		.more = apply_more,
		.example = "saklar apply lab.yaml",
		.run = cmd_apply },

	{ .noun = "help",
		.args = "[NOUN [VERB]]",
		.max_words = 2,
		.doc = "explain a verb",
		.example = "saklar help vif add" }, /* cli.c turns it into --help */
	{ .noun = "__complete",
		.args = "[WORD...]",
		.max_words = 4096,
		.doc = "words for the shell",
		.example = "saklar __complete vif a",
		.run = cmd_complete },
	{ 0 },
};
