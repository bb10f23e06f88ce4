// SPDX-License-Identifier: MIT
/* The commands "log", "list" and "certificate": what the unit has done. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "pu/pu.h"

static const char *get(json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text ? text : "";
}

static void print_time(json_t *event)
{
	time_t t = json_integer_value(json_object_get(event, "time"));
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%-20s ", when);
}

static int print_event(void *arg, json_t *event)
{
	const char *what = get(event, "event");

	(void)arg;
	print_time(event);
	if (!strcmp(what, "result"))
		what = get(event, "result");
	printf("%-15s %-32s %s\n", what,
	       *get(event, "uid") ? get(event, "uid") : get(event, "name"),
	       *get(event, "reason") ? get(event, "reason") :
				       get(event, "fingerprint"));
	return 0;
}

static int collect(void *arg, json_t *event)
{
	return json_array_append(arg, event) ? -ENOMEM : 0;
}

/* Takes over @list. */
static int print_json(json_t *list, int ret, struct error *e)
{
	if (!ret && json_dumpf(list, stdout, JSON_INDENT(2)))
		ret = error_set(e, EIO, "cannot write the list");
	if (!ret)
		putchar('\n');
	json_decref(list);
	return ret;
}

int cmd_log(const struct options *o, int argc, char **argv, struct error *e)
{
	json_t *list;

	(void)argc;
	(void)argv;
	if (o->json) {
		list = json_array();
		return print_json(list, record_each(o->dir, collect, list, e),
				  e);
	}
	printf("%-20s %-15s %-32s %s\n", "TIME", "EVENT", "UID OR NAME",
	       "FINGERPRINT OR REASON");
	return record_each(o->dir, print_event, NULL, e);
}

/* Certificates by fingerprint, each with the last result known. */
static int merge(void *arg, json_t *event)
{
	json_t *all = arg, *one;
	const char *what = get(event, "event");

	if (!strcmp(what, "issued") || !strcmp(what, "central")) {
		one = json_deep_copy(event);
		json_object_del(one, "bundle");
		json_object_del(one, "certificate");
		return json_object_set_new(all, get(event, "fingerprint"), one);
	}
	one = json_object_get(all, get(event, "fingerprint"));
	if (one && !strcmp(what, "result"))
		json_object_set(one, "result",
				json_object_get(event, "result"));
	if (one && !strcmp(what, "central-removed"))
		json_object_set_new(one, "result", json_string("removed"));
	return 0;
}

static void print_certificate(json_t *one)
{
	int central = !strcmp(get(one, "event"), "central");

	print_time(one);
	printf("%-8s %-16s %-32s %-9s %s\n", central ? "central" : "module",
	       central ? get(one, "name") : get(one, "serial"), get(one, "uid"),
	       *get(one, "result") ? get(one, "result") : "issued",
	       get(one, "fingerprint"));
}

int cmd_list(const struct options *o, int argc, char **argv, struct error *e)
{
	json_t *all = json_object(), *one;
	const char *key;
	int ret;

	(void)argc;
	(void)argv;
	ret = record_each(o->dir, merge, all, e);
	if (o->json)
		return print_json(all, ret, e);
	if (!ret)
		printf("%-20s %-8s %-16s %-32s %-9s %s\n", "TIME", "ROLE",
		       "SERIAL OR NAME", "UID", "RESULT", "FINGERPRINT");
	if (!ret) {
		json_object_foreach(all, key, one) {
			print_certificate(one);
		}
	}
	json_decref(all);
	return ret;
}

struct wanted {
	const char *fingerprint;
	char *base64;
};

static int find(void *arg, json_t *event)
{
	struct wanted *w = arg;

	if (w->base64 || strcmp(get(event, "fingerprint"), w->fingerprint) ||
	    !*get(event, "certificate"))
		return 0;
	w->base64 = strdup(get(event, "certificate"));
	return w->base64 ? 0 : -ENOMEM;
}

static X509 *decode(const char *base64)
{
	size_t len = strlen(base64);
	unsigned char *der = malloc(len + 1);
	const unsigned char *p = der;
	X509 *cert = NULL;
	int n;

	n = der ? EVP_DecodeBlock(der, (const unsigned char *)base64, len) : -1;
	/* the padding counts as zero bytes behind the certificate */
	if (n > 0)
		cert = d2i_X509(NULL, &p, n);
	free(der);
	return cert;
}

int cmd_certificate(const struct options *o, int argc, char **argv,
		    struct error *e)
{
	struct wanted w = { .fingerprint = argv[0] };
	X509 *cert = NULL;
	int ret;

	(void)argc;
	ret = record_each(o->dir, find, &w, e);
	if (!ret && w.base64)
		cert = decode(w.base64);
	if (!ret && !cert)
		ret = error_set(e, ENOENT, "the log has no certificate '%s'",
				argv[0]);
	if (!ret && !PEM_write_X509(stdout, cert))
		ret = error_set_ssl(e, EIO, "cannot write the certificate");
	X509_free(cert);
	free(w.base64);
	return ret;
}
