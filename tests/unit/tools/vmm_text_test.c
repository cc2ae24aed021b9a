/* SPDX-License-Identifier: Apache-2.0 */
/* vmm_text_test.c - claims about tools/vmm_text.c. */
#include "tests/lib/unit.h"
#include "tools/vmm_text.h"

#include <errno.h>
#include <string.h>

static const struct vmm_nic single = { .name = "web0",
	.type = "tap",
	.dev = "web0",
	.mac = "52:54:00:12:34:56",
	.queues = 1,
	.mtu = 1500 };
static const struct vmm_nic multi = { .name = "web0",
	.type = "tap",
	.dev = "tap7",
	.mac = "52:54:00:12:34:56",
	.queues = 4,
	.mtu = 9000 };

static void qemu_opens_a_tap_of_one_queue_without_the_multi_queue_flag(void **)
{
	char out[512];
	struct err e = ERR_NONE;

	assert_int_equal(vmm_qemu_args(&single, out, sizeof(out), &e), 0);
	assert_string_equal(out,
		"-netdev tap,id=web0,ifname=web0,script=no,downscript=no,vhost=off "
		"-device virtio-net-pci,netdev=web0,mac=52:54:00:12:34:56");
}

static void qemu_asks_for_as_many_queues_as_the_tap_has(void **)
{
	char out[512];
	struct err e = ERR_NONE;

	assert_int_equal(vmm_qemu_args(&multi, out, sizeof(out), &e), 0);
	assert_string_equal(out,
		"-netdev tap,id=web0,ifname=tap7,script=no,downscript=no,vhost=off,queues=4 "
		"-device virtio-net-pci,netdev=web0,mac=52:54:00:12:34:56,mq=on,vectors=10,"
		"host_mtu=9000");
}

static void qemu_and_the_shell_get_odd_device_names_whole(void **)
{
	struct vmm_nic nic = single;
	char out[512];
	struct err e = ERR_NONE;

	nic.dev = "a,b'c d";
	assert_int_equal(vmm_qemu_args(&nic, out, sizeof(out), &e), 0);
	assert_non_null(strstr(out,
		"-netdev 'tap,id=web0,ifname=a,,b'\\''c d,script=no,downscript=no,vhost=off' "
		"-dev"));
}

static void libvirt_gets_an_unmanaged_tap(void **)
{
	char out[512];
	struct err e = ERR_NONE;

	assert_int_equal(vmm_libvirt_xml(&single, out, sizeof(out), &e), 0);
	assert_string_equal(out,
		"<interface type='ethernet'>\n"
		"  <mac address='52:54:00:12:34:56'/>\n"
		"  <target dev='web0' managed='no'/>\n"
		"  <model type='virtio'/>\n"
		"  <driver name='qemu'/>\n"
		"</interface>\n");
	assert_int_equal(vmm_libvirt_xml(&multi, out, sizeof(out), &e), 0);
	assert_non_null(strstr(out, "<driver name='qemu' queues='4'/>"));
	assert_non_null(strstr(out, "<mtu size='9000'/>"));
}

static void libvirt_xml_is_escaped_and_reserved_names_are_remarked(void **)
{
	struct vmm_nic nic = single;
	char out[512];
	struct err e = ERR_NONE;

	nic.dev = "a'<b>&";
	assert_int_equal(vmm_libvirt_xml(&nic, out, sizeof(out), &e), 0);
	assert_non_null(strstr(out, "dev='a&#39;&#60;b&#62;&#38;'"));
	assert_null(vmm_libvirt_remark(&nic));
	nic.dev = "vnet0";
	assert_non_null(vmm_libvirt_remark(&nic));
}

static void other_types_are_refused_with_what_to_do(void **)
{
	struct vmm_nic nic = single;
	char out[512];

	for (int i = 0; i < 2; i++) {
		struct err e = ERR_NONE;

		nic.type = i ? "host" : "netdev";
		assert_int_equal(vmm_qemu_args(&nic, out, sizeof(out), &e), -EINVAL);
		assert_non_null(strstr(e.msg, "--type tap"));
		e = ERR_NONE;
		assert_int_equal(vmm_libvirt_xml(&nic, out, sizeof(out), &e), -EINVAL);
		assert_non_null(strstr(e.msg, nic.type));
	}
}

static void text_that_does_not_fit_is_refused_not_cut(void **)
{
	char out[40];
	struct err e = ERR_NONE;

	assert_int_equal(vmm_qemu_args(&single, out, sizeof(out), &e), -ENAMETOOLONG);
}

static void xl_gets_a_line_with_what_it_needs(void **)
{
	struct vmm_nic nic = single;
	char out[512];
	struct err e = ERR_NONE;

	nic.type = "netfront";
	nic.network = "lan";
	assert_int_equal(vmm_xl_line(&nic, out, sizeof(out), &e), 0);
	assert_string_equal(
		out, "vif = [ 'mac=52:54:00:12:34:56,bridge=lan,script=vif-saklar,vifname=web0' ]");
	nic.dev = "vif3.0";
	nic.mac = "";
	nic.mtu = 9000;
	assert_int_equal(vmm_xl_line(&nic, out, sizeof(out), &e), 0);
	assert_string_equal(out, "vif = [ 'bridge=lan,script=vif-saklar,mtu=9000' ]");
	nic.network = "";
	assert_int_equal(vmm_xl_line(&nic, out, sizeof(out), &e), -EINVAL);
	assert_non_null(strstr(e.msg, "vif web0 is in no network"));
	e = (struct err)ERR_NONE;
	assert_int_equal(vmm_xl_line(&single, out, sizeof(out), &e), -EINVAL);
	assert_non_null(strstr(e.msg, "vif web0 has type tap"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_opens_a_tap_of_one_queue_without_the_multi_queue_flag),
		cmocka_unit_test(qemu_asks_for_as_many_queues_as_the_tap_has),
		cmocka_unit_test(qemu_and_the_shell_get_odd_device_names_whole),
		cmocka_unit_test(libvirt_gets_an_unmanaged_tap),
		cmocka_unit_test(xl_gets_a_line_with_what_it_needs),
		cmocka_unit_test(libvirt_xml_is_escaped_and_reserved_names_are_remarked),
		cmocka_unit_test(other_types_are_refused_with_what_to_do),
		cmocka_unit_test(text_that_does_not_fit_is_refused_not_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
