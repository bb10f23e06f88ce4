// SPDX-License-Identifier: MIT
/* The handle of a module: opening, calling the driver, keeping the reason. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libsecmod/handle.h"

/*
 * Per thread, so that threads which share a handle don't take each other's text
 * and no lock can be left behind by fork().
 */
static _Thread_local struct {
	const struct secmod *m;
	char text[SECMOD_REASON_MAX + 64];
} last;

int secmod_fail(const struct secmod *m, int errnum, const char *fmt, ...)
{
	va_list ap;

	last.m = m;
	va_start(ap, fmt);
	vsnprintf(last.text, sizeof(last.text), fmt, ap);
	va_end(ap);
	return -errnum;
}

const char *secmod_reason(const struct secmod *m)
{
	return last.m == m ? last.text : "";
}

int secmod_refused(struct secmod *m, int errnum)
{
	struct secmod_reason r = { .size = sizeof(r) };

	/* another thread's refusal may have come between: then errors differ */
	if (ioctl(m->fd, SECMOD_IOC_REASON, &r) == 0 &&
	    r.error == (__u32)errnum && r.text[0])
		return secmod_fail(m, errnum, "%.*s", (int)sizeof(r.text),
				   r.text);
	return secmod_fail(m, errnum, "%s", secmod_error_text(errnum));
}

int secmod_call(struct secmod *m, unsigned long request, void *arg)
{
	last.m = m;
	last.text[0] = '\0';
	if (ioctl(m->fd, request, arg) == 0)
		return 0;
	return secmod_refused(m, errno);
}

static int check_version(struct secmod *m)
{
	struct secmod_info info;
	int rc = secmod_info(m, &info);

	if (rc == -ENOTTY)
		return secmod_fail(NULL, ENOTTY,
				   "'%s' is not a security module", m->device);
	if (rc < 0)
		return secmod_fail(NULL, -rc, "'%s': %s", m->device,
				   secmod_reason(m));
	if (info.abi_version < SECMOD_ABI_VERSION)
		return secmod_fail(
			NULL, EOPNOTSUPP,
			"the driver of '%s' speaks version %u, this program needs %u: load the newer secmod.ko",
			m->device, info.abi_version, SECMOD_ABI_VERSION);
	return 0;
}

int secmod_open(const char *device, struct secmod **out)
{
	struct secmod *m;
	size_t len;
	int rc;

	*out = NULL;
	if (!device)
		device = SECMOD_DEVICE;
	len = strlen(device) + 1;
	m = malloc(sizeof(*m) + len);
	if (!m)
		return secmod_fail(NULL, ENOMEM, "out of memory");
	memcpy(m->device, device, len);

	m->fd = open(device, O_RDWR | O_CLOEXEC);
	if (m->fd < 0) {
		rc = secmod_fail(NULL, errno, "cannot open '%s': %s", device,
				 strerror(errno));
		goto err_free;
	}
	rc = check_version(m);
	if (rc < 0)
		goto err_close;
	*out = m;
	return 0;

err_close:
	close(m->fd);
err_free:
	free(m);
	return rc;
}

void secmod_close(struct secmod *m)
{
	if (!m)
		return;
	if (last.m == m)
		last.text[0] = '\0';
	close(m->fd);
	free(m);
}

int secmod_fd(const struct secmod *m)
{
	return m->fd;
}

const char *secmod_device(const struct secmod *m)
{
	return m->device;
}

void secmod_free(void *p)
{
	free(p);
}
