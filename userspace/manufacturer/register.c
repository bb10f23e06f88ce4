// SPDX-License-Identifier: MIT
/* What was issued to whom: issued.log, one JSON object a line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/events.h"
#include "manufacturer/manufacturer.h"

#define LOG_NAME "issued.log"

static const char *get(json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text ? text : "";
}

int register_each(const char *dir, int (*fn)(void *arg, json_t *event),
		  void *arg, struct error *e)
{
	return events_each(dir, LOG_NAME, fn, arg, e);
}

/* The last word on a serial number and on an EK counts: issued or released. */
struct search {
	const struct entry *entry;
	char serial_uid[40]; /* who has the serial number, "" nobody */
	/* other serial numbers that have the EK, "" where released */
	char ek_serials[INSTANCES_MAX][40];
};

/* Writes @serial over @old in the list; a full list stays as it is. */
static void replace_serial(struct search *s, const char *old,
			   const char *serial)
{
	size_t i;

	for (i = 0; i < INSTANCES_MAX; i++)
		if (!strcmp(s->ek_serials[i], old)) {
			snprintf(s->ek_serials[i], sizeof(s->ek_serials[i]),
				 "%s", serial);
			return;
		}
}

static int count_serials(const struct search *s, const char **some)
{
	int count = 0;
	size_t i;

	for (i = 0; i < INSTANCES_MAX; i++)
		if (*s->ek_serials[i]) {
			*some = s->ek_serials[i];
			count++;
		}
	return count;
}

static int search_event(void *arg, json_t *event)
{
	struct search *s = arg;
	const char *what = get(event, "event"), *serial = get(event, "serial");
	int issued = !strcmp(what, "issued");

	if (!issued && strcmp(what, "released"))
		return 0;
	if (!strcmp(serial, s->entry->serial)) {
		snprintf(s->serial_uid, sizeof(s->serial_uid), "%s",
			 issued ? get(event, "uid") : "");
		return 0;
	}
	replace_serial(s, serial, ""); /* it may have been another TPM's */
	if (issued && s->entry->ek && !strcmp(get(event, "ek"), s->entry->ek))
		replace_serial(s, "", serial);
	return 0;
}

int register_check(const char *dir, const struct entry *entry, int instances,
		   struct error *e)
{
	struct search s = { .entry = entry };
	const char *other = "";
	int ret;

	ret = register_each(dir, search_event, &s, e);
	if (ret)
		return ret;
	if (*s.serial_uid && strcmp(s.serial_uid, entry->uid))
		return error_set(
			e, EEXIST,
			"serial number '%s' belongs to module %s: \"release\" frees it",
			entry->serial, s.serial_uid);
	if (count_serials(&s, &other) >= instances)
		return error_set(
			e, EEXIST,
			"this TPM has serial number '%s' already: \"release\" frees it, --instances allows more",
			other);
	return 0;
}

static char *base64(X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	char *text = NULL;

	if (len > 0)
		text = malloc(4 * ((len + 2) / 3) + 1);
	if (text)
		EVP_EncodeBlock((unsigned char *)text, der, len);
	OPENSSL_free(der);
	return text;
}

int register_issued(const char *dir, const struct entry *entry, struct error *e)
{
	char fingerprint[65], *der = base64(entry->identity);
	json_t *event;

	pki_fingerprint(entry->identity, fingerprint);
	event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "event", "issued",
			  "serial", entry->serial, "uid", entry->uid, "ek",
			  entry->ek, "fingerprint", fingerprint, "certificate",
			  der ? der : "");
	free(der);
	return events_append(dir, LOG_NAME, event, e);
}

int register_refused(const char *dir, const char *serial, const char *reason,
		     struct error *e)
{
	return events_append(dir, LOG_NAME,
			     json_pack("{s:s, s:s, s:s}", "event", "refused",
				       "serial", serial, "reason", reason),
			     e);
}

int register_release(const char *dir, const char *serial, struct error *e)
{
	struct entry entry = { .serial = serial, .uid = "" };
	struct search s = { .entry = &entry };
	int ret;

	ret = register_each(dir, search_event, &s, e);
	if (ret)
		return ret;
	if (!*s.serial_uid)
		return error_set(e, ENOENT,
				 "no module has the serial number '%s'",
				 serial);
	return events_append(dir, LOG_NAME,
			     json_pack("{s:s, s:s, s:s}", "event", "released",
				       "serial", serial, "uid", s.serial_uid),
			     e);
}
