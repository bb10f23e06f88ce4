// SPDX-License-Identifier: MIT
/*
 * /init of the guest's initramfs: the host's root, read only over 9p, with a
 * tmpfs on top; the share and the disk; the network. No process is started
 * for it: under emulation each costs a tenth of a second.
 *
 * Parameters come from the kernel command line as the environment:
 * vm_share=DIR vm_modules=DIR vm_net=1 vm_disk=1, and vm_probe=1 to end at once
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

#define STATE_DIR "/var/lib/secmod"
#define P9 "trans=virtio,version=9p2000.L,msize=512000,"

void die(const char *what)
{
	int console = open("/dev/console", O_WRONLY);

	dprintf(console, "vm: %s: %s\n", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void attach(const char *source, const char *target, const char *type,
		   unsigned long flags, const char *options)
{
	if (mount(source, target, type, flags, options) < 0)
		die(target);
}

static void make_dirs(const char *path)
{
	char part[4096];
	size_t i;

	for (i = 1; path[i - 1] && i < sizeof(part) - 1; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		mkdir(part, 0755);
	}
}

static void load_modules(void)
{
	char name[256], path[300];
	FILE *order = fopen("/modules/order", "r");
	int fd;

	while (order && fgets(name, sizeof(name), order)) {
		name[strcspn(name, "\n")] = '\0';
		snprintf(path, sizeof(path), "/modules/%s", name);
		fd = open(path, O_RDONLY);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 &&
			       errno != EEXIST && errno != ENODEV))
			die(path);
		close(fd);
	}
	if (order)
		fclose(order);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* The names of /new are those of the host. */
static void enter_root(void)
{
	static const char *const moved[] = { "proc", "sys", "dev" };
	const char *share = getenv("vm_share"), *modules = getenv("vm_modules");
	char path[4096];
	size_t i;

	attach("hostroot", "/lower", "9p", MS_RDONLY, P9 "cache=loose");
	attach("tmpfs", "/upper", "tmpfs", 0, "mode=755");
	mkdir("/upper/files", 0755);
	mkdir("/upper/work", 0755);
	attach("overlay", "/new", "overlay", 0,
	       "lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work");

	for (i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		char from[16];

		snprintf(from, sizeof(from), "/%s", moved[i]);
		snprintf(path, sizeof(path), "/new/%s", moved[i]);
		attach(from, path, NULL, MS_MOVE, NULL);
	}
	if (modules) {
		make_dirs("/new/lib/modules");
		snprintf(path, sizeof(path), "/new%s", modules);
		attach(path, "/new/lib/modules", NULL, MS_BIND, NULL);
	}
	if (chdir("/new") < 0)
		die("chdir");
	attach(".", "/", NULL, MS_MOVE, NULL);
	if (chroot(".") < 0 || chdir("/") < 0)
		die("chroot");

	mkdir("/dev/pts", 0755);
	attach("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666,gid=5");
	mkdir("/dev/shm", 01777);
	attach("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
	attach("tmpfs", "/run", "tmpfs", 0, "mode=755");
	mkdir("/run/lock", 01777);
	if (symlink("/proc/self/fd", "/dev/fd") < 0)
		die("/dev/fd");
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	if (share) {
		make_dirs(share);
		attach("share", share, "9p", 0, P9 "cache=none");
	}
}

/* What is not synced stays in memory for a day, so that a power cut loses it. */
static void mount_disk(void)
{
	make_dirs(STATE_DIR);
	attach("/dev/vda", STATE_DIR, "ext4", 0, "commit=86400");
	write_to("/proc/sys/vm/dirty_writeback_centisecs", "0");
	write_to("/proc/sys/vm/dirty_expire_centisecs", "8640000");
}

static void set_address(int fd, const char *name, const char *address)
{
	struct ifreq req = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&req.ifr_addr;

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	if (address) {
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = inet_addr(address);
		if (ioctl(fd, SIOCSIFADDR, &req) < 0)
			die("address");
		in->sin_addr.s_addr = inet_addr("255.255.255.0");
		if (ioctl(fd, SIOCSIFNETMASK, &req) < 0)
			die("netmask");
	}
	req.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &req) < 0)
		die(name);
}

static void start_network(void)
{
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
	struct sockaddr_in *in;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	set_address(fd, "lo", NULL);
	if (getenv("vm_net")) {
		set_address(fd, "eth0", "10.0.2.15");
		in = (struct sockaddr_in *)&route.rt_gateway;
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = inet_addr("10.0.2.2");
		route.rt_dst.sa_family = AF_INET;
		route.rt_genmask.sa_family = AF_INET;
		if (ioctl(fd, SIOCADDRT, &route) < 0)
			die("route");
	}
	close(fd);
}

/* The port named "agent"; there is no udev to make a link by that name. */
static int open_port(void)
{
	static const char class[] = "/sys/class/virtio-ports";
	char path[600], name[16];
	struct dirent *entry;
	DIR *dir = opendir(class);
	int fd = -1;

	while (dir && fd < 0 && (entry = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s/name", class,
			 entry->d_name);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f) &&
		    !strcmp(name, "agent\n")) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	if (fd < 0)
		die("no agent port");
	return fd;
}

int machine_init(void)
{
	attach("proc", "/proc", "proc", 0, NULL);
	attach("sysfs", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	if (getenv("vm_probe")) /* all that the harness wanted to know */
		die("probe");
	load_modules();
	enter_root();
	start_network();
	if (getenv("vm_disk"))
		mount_disk();

	if (sethostname("secmod-vm", 9) < 0)
		die("hostname");
	clearenv();
	setenv("PATH",
	       "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	       1);
	setenv("HOME", "/root", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("TERM", "dumb", 1);
	setenv("SECMOD_VM", "1", 1);
	return open_port();
}

void machine_halt(void)
{
	umount2(STATE_DIR, 0);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
