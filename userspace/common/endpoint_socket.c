// SPDX-License-Identifier: MIT
/* Endpoints that are sockets: tcp, unix, vsock. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "common/endpoint_backend.h"
#include "common/wait.h"

#define BACKLOG 64
#define SOCKET_FLAGS (SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)

/* What a connection wants from its socket; no answer matters. */
static void tune_stream(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Returns the connected socket or -errno. */
static int connect_socket(const struct sockaddr *addr, socklen_t len,
			  int64_t deadline)
{
	int fd, ret = 0, err = 0;
	socklen_t err_len = sizeof(err);

	fd = socket(addr->sa_family, SOCKET_FLAGS, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, addr, len)) {
		ret = -errno;
		if (ret == -EINPROGRESS) {
			ret = wait_fd(fd, POLLOUT, deadline);
			if (!ret)
				getsockopt(fd, SOL_SOCKET, SO_ERROR, &err,
					   &err_len);
		}
	}
	if (ret || err) {
		close(fd);
		return ret ? ret : -err;
	}
	tune_stream(fd);
	return fd;
}

/* Returns the listening socket or -errno. */
static int listen_socket(const struct sockaddr *addr, socklen_t len)
{
	int fd, on = 1, ret;

	fd = socket(addr->sa_family, SOCKET_FLAGS, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, addr, len) || listen(fd, BACKLOG)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static int cannot_listen(const struct listener *l, int err, struct error *e)
{
	return error_set(e, err, "cannot listen on '%s': %s", l->name,
			 strerror(err));
}

/* Errors of the one that called, not of the socket: accept(2) */
static int caller_vanished(int err)
{
	return err == EAGAIN || err == ECONNABORTED || err == EPROTO ||
	       err == EINTR;
}

int listener_accept_socket(struct listener *l, struct error *e)
{
	int fd, ret;

	for (;;) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			tune_stream(fd);
			return fd;
		}
		if (!caller_vanished(errno))
			return error_set(e, errno, "cannot accept on '%s': %s",
					 l->name, strerror(errno));
		ret = wait_fd(l->fd, POLLIN, WAIT_FOREVER);
		if (ret)
			return error_set(e, -ret, "stopped waiting on '%s'",
					 l->name);
	}
}

/* host:port or [v6]:port; the caller frees @host. */
static int tcp_split(const char *spec, const char *rest, char **host,
		     const char **port, struct error *e)
{
	const char *colon = strrchr(rest, ':');
	size_t len = colon ? (size_t)(colon - rest) : 0;

	if (!len || !colon[1])
		return error_set(e, EINVAL,
				 "endpoint '%s' is not tcp:host:port", spec);
	if (rest[0] == '[' && rest[len - 1] == ']') {
		rest++;
		len -= 2;
	} else if (memchr(rest, ':', len)) {
		return error_set(
			e, EINVAL,
			"endpoint '%s': write the address as [address]:port",
			spec);
	}
	*host = strndup(rest, len);
	if (!*host)
		return error_set(e, ENOMEM, "out of memory");
	*port = colon + 1;
	return 0;
}

static int tcp_resolve(const char *spec, const char *rest, int passive,
		       struct addrinfo **list, struct error *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const char *port = NULL;
	char *host = NULL;
	int ret;

	ret = tcp_split(spec, rest, &host, &port, e);
	if (ret)
		return ret;
	if (passive)
		hints.ai_flags = AI_PASSIVE;
	ret = getaddrinfo(passive && !strcmp(host, "*") ? NULL : host, port,
			  &hints, list);
	free(host);
	if (ret)
		return error_set(e, EHOSTUNREACH, "cannot resolve '%s': %s",
				 spec, gai_strerror(ret));
	return 0;
}

static int tcp_connect(const char *spec, const char *rest, int64_t deadline,
		       struct error *e)
{
	struct addrinfo *list, *a;
	int ret;

	ret = tcp_resolve(spec, rest, 0, &list, e);
	if (ret)
		return ret;
	ret = -EHOSTUNREACH;
	for (a = list; a && ret < 0 && ret != -EINTR; a = a->ai_next)
		ret = connect_socket(a->ai_addr, a->ai_addrlen, deadline);
	freeaddrinfo(list);
	return ret < 0 ? endpoint_no_peer(spec, -ret, e) : ret;
}

static int tcp_rename(struct listener *l, struct error *e)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int v6;

	if (getsockname(l->fd, (struct sockaddr *)&addr, &len) ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return cannot_listen(l, EIO, e);
	v6 = addr.ss_family == AF_INET6;
	return listener_rename(l, v6 ? "tcp:[%s]:%s" : "tcp:%s:%s", host, port);
}

static int tcp_listen(struct listener *l, const char *rest, struct error *e)
{
	struct addrinfo *list, *a;
	int ret;

	ret = tcp_resolve(l->name, rest, 1, &list, e);
	if (ret)
		return ret;
	ret = -EADDRNOTAVAIL;
	for (a = list; a && ret < 0; a = a->ai_next)
		ret = listen_socket(a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	if (ret < 0)
		return cannot_listen(l, -ret, e);
	l->fd = ret;
	return tcp_rename(l, e);
}

const struct endpoint_backend endpoint_tcp = {
	.scheme = "tcp",
	.connect = tcp_connect,
	.listen = tcp_listen,
	.accept = listener_accept_socket,
};

static int unix_address(const char *spec, const char *path,
			struct sockaddr_un *addr, struct error *e)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!*path || strlen(path) >= sizeof(addr->sun_path))
		return error_set(e, EINVAL,
				 "endpoint '%s': a path has 1 to %zu bytes",
				 spec, sizeof(addr->sun_path) - 1);
	strcpy(addr->sun_path, path);
	return 0;
}

static int unix_connect(const char *spec, const char *rest, int64_t deadline,
			struct error *e)
{
	struct sockaddr_un addr;
	int ret;

	ret = unix_address(spec, rest, &addr, e);
	if (ret)
		return ret;
	ret = connect_socket((struct sockaddr *)&addr, sizeof(addr), deadline);
	return ret < 0 ? endpoint_no_peer(spec, -ret, e) : ret;
}

/* A socket that nobody listens on is left over from one that was killed. */
static void unix_remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;

	if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = connect_socket((const struct sockaddr *)addr, sizeof(*addr),
			    wait_deadline(0));
	if (fd == -ECONNREFUSED)
		unlink(addr->sun_path);
	else if (fd >= 0)
		close(fd);
}

static int unix_listen(struct listener *l, const char *rest, struct error *e)
{
	struct sockaddr_un addr;
	int ret;

	ret = unix_address(l->name, rest, &addr, e);
	if (ret)
		return ret;
	unix_remove_stale(&addr);
	ret = listen_socket((struct sockaddr *)&addr, sizeof(addr));
	if (ret < 0)
		return cannot_listen(l, -ret, e);
	l->fd = ret;
	return 0;
}

static void unix_close(struct listener *l)
{
	unlink(l->name + strlen("unix:"));
}

const struct endpoint_backend endpoint_unix = {
	.scheme = "unix",
	.connect = unix_connect,
	.listen = unix_listen,
	.accept = listener_accept_socket,
	.close = unix_close,
};

static const struct {
	const char *name;
	unsigned int cid;
} vsock_names[] = {
	{ "*", VMADDR_CID_ANY },
	{ "local", VMADDR_CID_LOCAL },
	{ "host", VMADDR_CID_HOST },
};

static int vsock_address(const char *spec, const char *rest,
			 struct sockaddr_vm *addr, struct error *e)
{
	const char *colon = strchr(rest, ':');
	unsigned long cid = 0, port;
	char *cid_end = NULL, *port_end = NULL;
	size_t i;

	if (!colon || !colon[1])
		goto malformed;
	port = strtoul(colon + 1, &port_end, 10);
	for (i = 0; i < sizeof(vsock_names) / sizeof(vsock_names[0]); i++)
		if (!strncmp(rest, vsock_names[i].name, colon - rest) &&
		    !vsock_names[i].name[colon - rest]) {
			cid = vsock_names[i].cid;
			cid_end = (char *)colon;
		}
	if (!cid_end)
		cid = strtoul(rest, &cid_end, 10);
	if (rest == colon || cid_end != colon || *port_end ||
	    cid > UINT32_MAX || port > UINT32_MAX)
		goto malformed;
	*addr = (struct sockaddr_vm){ .svm_family = AF_VSOCK,
				      .svm_cid = cid,
				      .svm_port = port ? port :
							 VMADDR_PORT_ANY };
	return 0;
malformed:
	return error_set(
		e, EINVAL,
		"endpoint '%s' is not vsock:cid:port (cid: a number, local, host, *)",
		spec);
}

static int vsock_connect(const char *spec, const char *rest, int64_t deadline,
			 struct error *e)
{
	struct sockaddr_vm addr;
	int ret;

	ret = vsock_address(spec, rest, &addr, e);
	if (ret)
		return ret;
	ret = connect_socket((struct sockaddr *)&addr, sizeof(addr), deadline);
	return ret < 0 ? endpoint_no_peer(spec, -ret, e) : ret;
}

static int vsock_listen(struct listener *l, const char *rest, struct error *e)
{
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);
	int ret;

	ret = vsock_address(l->name, rest, &addr, e);
	if (ret)
		return ret;
	ret = listen_socket((struct sockaddr *)&addr, sizeof(addr));
	if (ret < 0)
		return cannot_listen(l, -ret, e);
	l->fd = ret;
	if (getsockname(l->fd, (struct sockaddr *)&addr, &len))
		return cannot_listen(l, errno, e);
	return listener_rename(l, "vsock:%.*s:%u",
			       (int)(strchr(rest, ':') - rest), rest,
			       addr.svm_port);
}

const struct endpoint_backend endpoint_vsock = {
	.scheme = "vsock",
	.connect = vsock_connect,
	.listen = vsock_listen,
	.accept = listener_accept_socket,
};
