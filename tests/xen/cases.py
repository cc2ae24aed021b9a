# SPDX-License-Identifier: Apache-2.0
"""What is tried in the Xen lab, in this order, in one boot.

    guest u1 [eth0] --xen-netfront-- xen-netback, vif1.0 in dom0 -- a bridge -- dom0
    guest u1 [eth0] --xen-netfront-- Saklar's own back end -- its host leg, NAT -- dom0
"""
from lab import LabError

CASES = {}
START = "saklard --foreground --hugepages off </dev/null >>/tmp/saklard.log 2>&1 &"
SLOW = set()  # not in tools/check


def case(function):
    CASES[function.__name__] = function
    return function


def slow(function):
    SLOW.add(function.__name__)
    return case(function)


def clean(lab):
    """No guest is left for the next case."""
    lab.run("for d in $(xl list | awk 'NR > 2 {print $2}'); do xl destroy $d; done", 120)


def explain(lab):
    """For the logs, when a case has failed."""
    lab.run("tail -n 40 /tmp/saklard.log; saklar vif list; xenstore-ls -f backend; top -b -n 1 | head -n 12")


def mac(number):
    return f"00:16:3e:77:00:{number:02x}"


@case
def control_netback_on_a_linux_bridge(lab):
    """If this fails the lab is broken, not Saklar."""
    lab.do("modprobe bridge; modprobe xen-netback; ip link add xenbr0 type bridge; "
           "ip addr add 192.168.70.1/24 dev xenbr0; ip link set xenbr0 up")
    lab.create("u1", [f"mac={mac(1)},script=vif-lab,bridge=xenbr0"])
    lab.address("u1", "192.168.70.2/24")
    lab.guest("u1", "ping -c 3 -W 5 192.168.70.1")
    lab.do("xl destroy u1")
    lab.do("! xl list u1 2>/dev/null")


def saklar(lab):
    """Saklar runs in dom0, with the network net: DHCP and NAT to a world that dom0 plays."""
    if lab.run("saklar network show net >/dev/null")[0] == 0:
        return
    if lab.run("saklar status >/dev/null")[0] == 0:
        lab.do("saklar network add net --mode nat --subnet 192.168.78.0/24 --dhcp")
        return
    lab.do("modprobe bridge; modprobe xen-netback; ip link add world type bridge; "
           "ip addr add 203.0.113.1/24 dev world; ip link set world up; mkdir -p /srv; "
           "head -c 3000000 /dev/urandom >/srv/file; httpd -h /srv; "
           f"{START}")
    lab.until("saklar status >/tmp/status")
    lab.do("saklar network add net --mode nat --subnet 192.168.78.0/24 --dhcp")
    lab.until("[ \"$(saklar network show net | sed -n 's/^state  *//p')\" = up ]")


def vif_line(number, network="net", more=""):
    return f"mac={mac(number)},bridge={network},script=vif-saklar{more}"


def vif_of(lab, name, number=0):
    return f"vif{lab.do(f'xl domid {name}')}.{number}"


def fetch(lab, name, url="http://203.0.113.1/file"):
    """The guest gets the file whole."""
    want = lab.do("md5sum </srv/file")
    got = lab.guest(name, f"wget -q -O - {url} | md5sum", 90)
    assert_that(got == want, f"fetched {got} and not {want}")


def assert_that(is_true, text):
    if not is_true:
        raise LabError(text)


def dhcp(lab, name):
    """Address that the guest got from Saklar's network."""
    lab.guest(name, "until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done; ip link set eth0 up")
    return lab.guest(name, "dhcp").split("address ")[1].split("/")[0]


def vif_value(lab, vif, key):
    return lab.do(f"saklar vif show {vif} | sed -n 's/^{key}  *//p'")


def on_rings(lab, vif, queues=1):
    """Saklar itself is the vif's back end."""
    assert_that(vif_value(lab, vif, "type") == "netfront", f"{vif} is no netfront")
    lab.until(f"[ \"$(saklar vif show {vif} | sed -n 's/^state  *//p')\" = up ]")
    assert_that(vif_value(lab, vif, "queues") == str(queues), f"{vif} has not {queues} queues")
    node = lab.do(f"echo vif-$(saklar vif show {vif} | sed -n 's/^xen.domid  *//p')-"
                  f"$(saklar vif show {vif} | sed -n 's/^xen.devid  *//p')")
    lab.do(f"[ -e /sys/bus/xen-backend/devices/{node} ]; "
           f"[ ! -e /sys/bus/xen-backend/devices/{node}/driver ]")


@case
def saklar_serves_a_pv_guest_on_its_rings(lab):
    """DHCP, gateway, NAT, HTTP; a capture sees what the guest sends; daemon and engine are killed."""
    saklar(lab)
    lab.create("u1", [vif_line(1)])
    assert_that(dhcp(lab, "u1").startswith("192.168.78."), "no address of the network")
    vif = vif_of(lab, "u1")
    on_rings(lab, vif)
    lab.do(f"rm -f /tmp/seen; {{ saklar capture {vif} -c 6 -w /tmp/seen icmp; echo ended; }} "
           ">/tmp/capture 2>&1 </dev/null & while [ ! -s /tmp/seen ]; do sleep 0.2; done")
    lab.guest("u1", "ping -c 5 -W 5 192.168.78.1")
    lab.until("grep -q ended /tmp/capture")
    lab.do("[ $(wc -c </tmp/seen) -gt $((6 * 98)) ]")  # an echo frame has 98 bytes
    lab.guest("u1", "ping -c 3 -W 5 203.0.113.1")
    fetch(lab, "u1")
    engine = lab.do("cat /run/saklar/engine.pid")
    lab.do(f"kill -9 $(cat /run/saklar/saklard.pid); {START}")
    lab.until("saklar status >/tmp/status")
    on_rings(lab, vif)
    lab.do(f"[ $(cat /run/saklar/engine.pid) = {engine} ] && kill -9 {engine}")
    lab.guest("u1", "until ping -c 1 -W 1 192.168.78.1; do :; done")
    on_rings(lab, vif)
    lab.do("xl destroy u1", 60)
    lab.until(f"! saklar vif show {vif} 2>/dev/null")


@case
def the_kernels_netback_serves_others_beside_saklar(lab):
    """One guest with a vif of each kind, on one network."""
    saklar(lab)
    lab.do("saklar vif add kernel --network net --type netdev --dev kernel")
    lab.create("u1", [vif_line(1), vif_line(2, more=",vifname=kernel")])
    for dev in ("eth0", "eth1"):
        lab.guest("u1", f"ip link set {dev} up")
    dhcp(lab, "u1")
    lab.guest("u1", "ping -c 2 -W 5 192.168.78.1")
    on_rings(lab, vif_of(lab, "u1"))
    lab.do("[ -e /sys/bus/xen-backend/devices/vif-$(xl domid u1)-1/driver ]")
    lab.until("[ \"$(saklar vif show kernel | sed -n 's/^state  *//p')\" = up ]")
    lab.guest("u1", "ip addr flush dev eth0; ip addr add 192.168.78.99/24 dev eth1; "
                    "ping -c 2 -W 5 192.168.78.1")
    lab.do("xl destroy u1; saklar vif del kernel", 60)


@case
def two_pv_guests_reach_each_other(lab):
    """TCP both ways, GSO whole, an engine killed with -9 between; one has two queues and was
    configured before it came; destroyed under traffic they leave nothing."""
    saklar(lab)
    lab.do("saklar vif add two --network net --type netfront --queues 2")
    lab.create("u1", [vif_line(1)])
    lab.create("u2", [vif_line(2, more=",vifname=two")], ["vcpus=2"])
    addresses = {name: dhcp(lab, name) for name in ("u1", "u2")}
    on_rings(lab, vif_of(lab, "u1"))
    on_rings(lab, "two", 2)
    for name in addresses:
        lab.guest(name, "mkdir -p /srv; head -c 2000000 /dev/urandom >/srv/file; httpd -h /srv")
    for name, other in (("u1", "u2"), ("u2", "u1")):
        want = lab.guest(other, "md5sum </srv/file")
        got = lab.guest(name, f"wget -q -O - http://{addresses[other]}/file | md5sum", 90)
        assert_that(got == want, f"{name} got {got} and not {want}")
        if name == "u1":
            lab.guest(name, f"ping -i 0.2 -c 100 {addresses[other]} >/tmp/ping & :")
            lab.do("kill -9 $(cat /run/saklar/engine.pid)")
            lab.guest(name, "until grep -q loss /tmp/ping; do sleep 0.2; done; "
                            "! grep ' 100% packet loss' /tmp/ping", 120)
    size = int(vif_value(lab, "two", "tx_bytes")) / int(vif_value(lab, "two", "tx_packets"))
    assert_that(size > 1514, f"frames of {size:.0f} bytes on average: GSO did not stay whole")
    lab.guest("u1", f"while :; do wget -q -O /dev/null http://{addresses['u2']}/file; done & :")
    lab.do("xl destroy u1 && xl destroy u2", 120)
    lab.until("[ $(xl list | wc -l) = 2 ]")  # no zombie that waits for its grants
    lab.do("saklar vif show two | grep -q '^reason  *no guest has a vif two'; saklar vif del two")


@case
def a_network_that_is_not_there_is_told_by_xl(lab):
    """xl create fails at once, with the reason of Saklar, and leaves nothing."""
    saklar(lab)
    try:
        lab.create("u1", [vif_line(1, "nowhere")])
    except LabError as e:
        text = str(e)
    else:
        raise LabError("xl create went on without the network")
    assert_that("there is no network nowhere" in text, text)
    assert_that(lab.do("saklar --json vif list") == "[]", "a vif was left")


@slow
def attach_detach_and_reboot_of_a_guest(lab):
    """A vif comes and goes with its device; after a reboot the guest has another one by another name."""
    saklar(lab)
    lab.create("u1", [vif_line(1)], ['on_reboot="restart"'])
    first = vif_of(lab, "u1")
    for _ in range(2):
        lab.do(f"xl network-attach u1 {vif_line(4).replace(',', ' ')} vifname=extra")
        lab.do("saklar vif show extra >/dev/null")
        lab.do("xl network-detach u1 1")
        lab.until("! saklar vif show extra 2>/dev/null")
    lab.do("rm /var/log/xen/console/guest-u1.log; xl reboot u1; for i in $(seq 300); do "
           "[ \"$(xl domid u1 2>/dev/null)\" ] && ! xl domid u1 | grep -q "
           f"'^{first[3:-2]}$' && exit; sleep 0.2; done; exit 1", 200)
    lab.do("guest u1", 120)
    dhcp(lab, "u1")
    fetch(lab, "u1")
    assert_that(vif_of(lab, "u1") != first, "the domain id is the same")
    lab.until(f"! saklar vif show {first} 2>/dev/null")


@slow
def a_pvh_guest_works_as_a_pv_guest(lab):
    saklar(lab)
    lab.create("u1", [vif_line(1)], ['type="pvh"'])
    dhcp(lab, "u1")
    on_rings(lab, vif_of(lab, "u1"))
    fetch(lab, "u1")


@slow
def features_that_saklar_withholds_are_not_used(lab):
    """One event channel; no scatter-gather and hence no GSO."""
    for withheld in ("feature-split-event-channels",
                     "feature-sg feature-gso-tcpv4 feature-gso-tcpv6"):
        lab.run("kill $(pidof saklard); while pidof saklard; do sleep 0.2; done")
        lab.do(f"SAKLAR_XEN_WITHHOLD='{withheld}' {START}")
        lab.until("saklar status >/tmp/status")
        saklar(lab)
        lab.create("u1", [vif_line(1)])
        dhcp(lab, "u1")
        features = vif_value(lab, vif_of(lab, "u1"), "xen.features")
        assert_that("split" not in features or "sg" in withheld, features)
        fetch(lab, "u1")
        lab.do("xl destroy u1", 60)
    lab.do("kill $(pidof saklard); while pidof saklard; do sleep 0.2; done")


@slow
def a_vif_comes_and_goes_fifty_times(lab):
    """With the same number each time; the guest's other vif goes on."""
    saklar(lab)
    lab.create("u1", [vif_line(1)])
    dhcp(lab, "u1")
    fds = lab.do("ls /proc/$(cat /run/saklar/saklard.pid)/fd | wc -l")
    for _ in range(50):
        lab.do(f"xl network-attach u1 {vif_line(4).replace(',', ' ')} vifname=extra && "
               "saklar vif show extra >/dev/null && xl network-detach u1 1")
    lab.until("! saklar vif show extra 2>/dev/null")
    lab.until(f"[ $(ls /proc/$(cat /run/saklar/saklard.pid)/fd | wc -l) -le {fds} ]")
    fetch(lab, "u1")


def ping_goes_on(lab, name, file="/tmp/ping"):
    lab.guest(name, f"n=$(grep -c seq= {file}); until [ $(grep -c seq= {file}) -gt $((n + 3)) ]; do "
                    "sleep 0.2; done")


@slow
def a_guest_is_saved_and_restored(lab):
    """Same address, same running programs; the device has another domain's name."""
    saklar(lab)
    lab.create("u1", [vif_line(1)])
    dhcp(lab, "u1")
    lab.guest("u1", "ping 203.0.113.1 >/tmp/ping & :")
    first = vif_of(lab, "u1")
    lab.do("xl save u1 /tmp/u1.save", 120)
    lab.until(f"! saklar vif show {first} 2>/dev/null")
    lab.do("xl restore /tmp/u1.save && rm /tmp/u1.save && "
           "xenstore-read /local/domain/$(xl domid u1)/console/tty >/run/tty-u1", 120)
    ping_goes_on(lab, "u1")
    assert_that(vif_of(lab, "u1") != first, "the domain id is the same")


@slow
def control_xl_devd_in_a_driver_domain(lab):
    """What Xen offers there: another guest's back end and its hotplug script, on a Linux bridge."""
    lab.do("cp /guest/initrd /tmp/driver; cd /; find bin/xenstore-* etc lib lib64 usr | "
           "cpio -o -H newc >>/tmp/driver", 120)
    lab.create("drv", [], ['ramdisk="/tmp/driver"', 'memory=320', 'driver_domain=1'])
    lab.do("rm /tmp/driver")
    lab.guest("drv", "mkdir -p /sbin /dev/shm /var/run /var/lib /var/log/xen /run/xen; "
                     "ln -s /bin/modprobe /sbin/modprobe; mount -t tmpfs tmp /tmp; "
                     "for m in xen-privcmd xen-evtchn xen-gntdev xenfs xen-netback bridge; do "
                     "modprobe $m; done; mount -t xenfs xenfs /proc/xen; ip link add xenbr0 type bridge; "
                     "ip addr add 192.168.71.1/24 dev xenbr0; ip link set xenbr0 up")
    lab.guest("drv", "PATH=$(cat /etc/xen/programs):$PATH; xl devd </dev/null >/tmp/devd 2>&1; "
                     "cat /tmp/devd; pidof xl")
    lab.create("u1", [f"mac={mac(1)},script=vif-lab,bridge=xenbr0,backend=drv"])
    lab.address("u1", "192.168.71.2/24")
    lab.guest("u1", "ping -c 3 -W 5 192.168.71.1")


@slow
def a_guest_migrates_to_its_own_host(lab):
    """For a moment both domains exist, with the same MAC.  PVH: Debian's Xen cannot log the dirty
    pages of PV guests."""
    saklar(lab)
    lab.create("u1", [vif_line(1)], ['type="pvh"'])
    dhcp(lab, "u1")
    lab.guest("u1", "ping 203.0.113.1 >/tmp/ping & :")
    first = vif_of(lab, "u1")
    lab.do("xl migrate -s '' u1 'xl migrate-receive' && "
           "ln -sf guest-u1--incoming.log /var/log/xen/console/guest-u1.log; "  # named when it came
           "xenstore-read /local/domain/$(xl domid u1)/console/tty >/run/tty-u1", 180)
    ping_goes_on(lab, "u1")
    assert_that(vif_of(lab, "u1") != first, "the domain id is the same")
    lab.until(f"! saklar vif show {first} 2>/dev/null")
