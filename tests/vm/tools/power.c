// SPDX-License-Identifier: MIT
/* power poweroff|restart|halt|kexec [KERNEL]: an orderly end, without an init. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kexec.h>
#include <linux/reboot.h>

static const char kexec_line[] = "console=ttyS0 panic=-1 nokaslr";

static void load(const char *kernel)
{
	int fd = open(kernel, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_kexec_file_load, fd, -1, sizeof(kexec_line),
			      kexec_line, KEXEC_FILE_NO_INITRAMFS))
		err(1, "%s", kernel);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned int command;
	} ends[] = {
		{ "poweroff", LINUX_REBOOT_CMD_POWER_OFF },
		{ "restart", LINUX_REBOOT_CMD_RESTART },
		{ "halt", LINUX_REBOOT_CMD_HALT },
		{ "kexec", LINUX_REBOOT_CMD_KEXEC },
	};
	size_t i;

	if (argc == 3)
		load(argv[2]);
	sync();
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (argc > 1 && !strcmp(argv[1], ends[i].name))
			reboot(ends[i].command);
	errx(2, "usage: power poweroff|restart|halt|kexec [KERNEL]");
}
