/* SPDX-License-Identifier: Apache-2.0 */
/* cmd.h - the functions behind cli_verbs[]; each returns the exit code. */
#pragma once

#include "tools/cli.h"

#define CMD(name) \
	int name(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)

CMD(cmd_status);
CMD(cmd_object_change); /* network|vif add|set */
CMD(cmd_object_show);
CMD(cmd_object_del);
CMD(cmd_network_list);
CMD(cmd_vif_list);
CMD(cmd_vif_qemu_args);
CMD(cmd_vif_libvirt_xml);
CMD(cmd_vif_xl);
CMD(cmd_fdb_list);
CMD(cmd_mdb_list);
CMD(cmd_mdb_add);
CMD(cmd_mdb_del);
CMD(cmd_fdb_add);
CMD(cmd_fdb_del);
CMD(cmd_fdb_flush);
CMD(cmd_lease_list);
CMD(cmd_mirror_list);
CMD(cmd_mirror_add);
CMD(cmd_mirror_del);
CMD(cmd_neighbour_list);
CMD(cmd_neighbour_flush);
CMD(cmd_stp_show);
CMD(cmd_route_list);
CMD(cmd_route_add);
CMD(cmd_route_del);
CMD(cmd_connection_list);
CMD(cmd_connection_flush);
CMD(cmd_forward_add);
CMD(cmd_forward_del);
CMD(cmd_forward_list);
CMD(cmd_export);
CMD(cmd_apply);
CMD(cmd_drops);
CMD(cmd_worker_list);
CMD(cmd_capture);
CMD(cmd_complete);

#undef CMD
