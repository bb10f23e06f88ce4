// SPDX-License-Identifier: GPL-2.0-only
/*
 * secmod-pu, as a module with a software TPM meets it: what it certifies, what it
 * refuses, and what it remembers.
 */
#include "visit.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/pem.h>

#include "certs.h"
#include "common/process.h"
#include "hsm/hsm.h"
#include "line.h"
#include "pki/request.h"
#include "program.h"

#define SERIAL "PU-1"

static struct soft_module module;
static char dir[256], pu[300], mf[300];
static struct certs foreign;
static X509 *root, *identity;
static EVP_PKEY *root_key, *identity_key;
static struct program server;

static struct visit good_visit(void)
{
	struct visit v = { .module = &module,
			   .cert = identity,
			   .key = identity_key,
			   .epoch = module.epoch,
			   .claimed_epoch = module.epoch,
			   .claimed = identity };

	memcpy(v.uid, module.uid, 16);
	return v;
}

static void accepted(struct visit *v, const char *endpoint)
{
	if (visit_run(v, endpoint, root))
		fail_msg("%s", v->e.text);
}

static void refused(struct visit *v, const char *text)
{
	int ret = visit_run(v, server.endpoint, root);

	if (ret != -EREMOTEIO || !strstr(v->e.text, text))
		fail_msg("%d '%s' instead of '%s'", ret,
			 ret ? v->e.text : "certified", text);
	program_expect(&server, text);
	visit_end(v);
}

/* --- the log --- */

static json_t *list(const char *command)
{
	static char text[131072];
	json_t *j;

	assert_int_equal(program_run(text, sizeof(text), "secmod-pu", command,
				     "--dir", pu, "--json", NULL),
			 0);
	j = json_loads(text, 0, NULL);
	assert_non_null(j);
	return j;
}

static void log_says(X509 *cert, const char *result)
{
	char fingerprint[65], text[4096];
	json_t *all = list("list"), *one;
	X509 *back;
	BIO *bio;

	pki_fingerprint(cert, fingerprint);
	one = json_object_get(all, fingerprint);
	assert_non_null(one);
	assert_string_equal(json_string_value(json_object_get(one, "result")),
			    result);
	json_decref(all);
	/* A23: the certificate can be had again */
	assert_int_equal(program_run(text, sizeof(text), "secmod-pu",
				     "certificate", "--dir", pu, fingerprint,
				     NULL),
			 0);
	bio = BIO_new_mem_buf(text, -1);
	back = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(back);
	assert_int_equal(X509_cmp(back, cert), 0);
	X509_free(back);
	BIO_free(bio);
}

static void wait_for(const char *text)
{
	server.len = 0;
	server.text[0] = 0;
	program_expect(&server, text);
}

/* --- tests --- */

static void module_is_personalized(void **state)
{
	struct visit v = good_visit();

	(void)state;
	accepted(&v, server.endpoint);
	wait_for("personalized module");
	log_says(v.module_cert, "accepted");
	visit_end(&v);
}

static void refusal_of_the_module_is_remembered(void **state)
{
	struct visit v = good_visit();

	(void)state;
	v.refuse = 1;
	accepted(&v, server.endpoint);
	wait_for("no taste");
	log_says(v.module_cert, "refused");
	visit_end(&v);
}

/* The certificate is out: that it is not known what became of it is known. */
static void vanished_module_is_remembered(void **state)
{
	struct visit v = good_visit();

	(void)state;
	v.vanish = 1;
	accepted(&v, server.endpoint);
	wait_for("closed the connection");
	log_says(v.module_cert, "unknown");
	visit_end(&v);
}

static void request_for_another_module(void **state)
{
	struct visit v = good_visit();

	(void)state;
	v.uid[3] ^= 1;
	refused(&v, "another module than the identity certificate's");
	v = good_visit();
	v.claimed = foreign.identity;
	refused(&v, "another identity certificate than the connection");
}

/* A8 to A10: the attestation has to be about this session. */
static void births_elsewhere_are_refused(void **state)
{
	struct visit v = good_visit(), old = good_visit();

	(void)state;
	v.wrong_salt = 1;
	refused(&v, "another salt or challenge");
	v = good_visit();
	v.epoch++;
	refused(&v, "was reset during the personalization");
	v = good_visit();
	v.epoch++;
	v.claimed_epoch++;
	refused(&v, "another module, moment or challenge");
	/* the answer of an earlier session */
	accepted(&old, server.endpoint);
	v = good_visit();
	v.birth = old.birth;
	refused(&v, "another module, moment or challenge");
	visit_end(&old);
}

static void clocks_have_to_agree(void **state)
{
	struct visit v = good_visit();

	(void)state;
	v.clock = -700;
	refused(&v, "seconds behind ours");
	v = good_visit();
	v.clock = 700;
	refused(&v, "seconds ahead of ours");
	v = good_visit();
	v.clock = -500;
	accepted(&v, server.endpoint);
	visit_end(&v);
}

static void strangers_are_refused(void **state)
{
	struct visit v = good_visit();

	(void)state;
	v.cert = foreign.identity;
	v.key = foreign.identity_key;
	refused(&v, "identity certificate");
	v = good_visit();
	v.cert = foreign.module;
	v.key = foreign.module_key;
	refused(&v, "identity certificate 'module'");
	v = good_visit();
	v.cert = NULL;
	v.key = NULL;
	assert_true(visit_run(&v, server.endpoint, root) < 0);
	wait_for("did not return a certificate");
}

static void refusals_are_in_the_log(void **state)
{
	struct visit v = good_visit();
	json_t *all, *last;

	(void)state;
	v.wrong_salt = 1;
	refused(&v, "another salt or challenge");
	all = list("log");
	last = json_array_get(all, json_array_size(all) - 1);
	assert_string_equal(json_string_value(json_object_get(last, "event")),
			    "refused");
	assert_non_null(
		strstr(json_string_value(json_object_get(last, "reason")),
		       "another salt"));
	json_decref(all);
}

/* A12: the same over a serial line */
static void serial_line(void **state)
{
	struct visit v = good_visit();
	struct program on_line;
	struct line line;

	(void)state;
	line_start(&line);
	program_serve(&on_line, "secmod-pu", "serve", "--dir", pu, line.b,
		      NULL);
	accepted(&v, line.a);
	program_expect(&on_line, "personalized module");
	program_stop(&on_line);
	line_stop(&line);
	visit_end(&v);
}

static void without_central_system(void **state)
{
	struct visit v = good_visit();
	char fingerprint[65], central[320], csr[320];
	STACK_OF(X509) *chain;
	struct error e;

	(void)state;
	snprintf(central, sizeof(central), "%s/central.pem", pu);
	snprintf(csr, sizeof(csr), "%s/central.csr", dir);
	assert_int_equal(pki_read_chain(central, &chain, &e), 0);
	pki_fingerprint(sk_X509_value(chain, 0), fingerprint);
	sk_X509_pop_free(chain, X509_free);
	assert_int_equal(program_run(NULL, 0, "secmod-pu", "remove-central",
				     "--dir", pu, fingerprint, NULL),
			 0);
	refused(&v, "add-central comes first");
	snprintf(central, sizeof(central), "%s/out.pem", dir);
	assert_int_equal(program_run(NULL, 0, "secmod-pu", "add-central",
				     "--dir", pu, "--name", "central", "--csr",
				     csr, "--out", central, NULL),
			 0);
	v = good_visit();
	accepted(&v, server.endpoint);
	visit_end(&v);
}

/* --- the site --- */

static void run_ok(const char *what, int status)
{
	if (status)
		fail_msg("%s ended with %d", what, status);
}

static void set_up_unit(void)
{
	char csr[320], out[320], text[1024];
	struct error e;

	snprintf(pu, sizeof(pu), "%s/pu", dir);
	snprintf(mf, sizeof(mf), "%s/mf", dir);
	run_ok("init", program_run(NULL, 0, "secmod-manufacturer", "init",
				   "--dir", mf, "--name", "maker", NULL));
	run_ok("init", program_run(NULL, 0, "secmod-pu", "init", "--dir", pu,
				   "--name", "unit", NULL));
	assert_int_equal(program_run(text, sizeof(text), "secmod-pu", "serve",
				     "--dir", pu, "tcp:127.0.0.1:0", NULL),
			 1);
	assert_non_null(strstr(text, "root.pem' is missing"));
	snprintf(csr, sizeof(csr), "%s/signer.csr", pu);
	snprintf(out, sizeof(out), "%s/signer.pem", pu);
	run_ok("certify-signer",
	       program_run(NULL, 0, "secmod-manufacturer", "certify-signer",
			   "--dir", mf, "--name", "unit", "--csr", csr, "--out",
			   out, NULL));
	snprintf(out, sizeof(out), "%s/root.pem", mf);
	assert_int_equal(pki_read_cert(out, &root, &e), 0);
	snprintf(out, sizeof(out), "%s/root.pem", pu);
	assert_int_equal(pki_write_cert(out, root, &e), 0);
	snprintf(csr, sizeof(csr), "%s/central.csr", dir);
	snprintf(out, sizeof(out), "%s/out.pem", dir);
	assert_int_equal(pki_write_csr(csr, "central", foreign.leaf_key, &e),
			 0);
	run_ok("add-central", program_run(NULL, 0, "secmod-pu", "add-central",
					  "--dir", pu, "--name", "central",
					  "--csr", csr, "--out", out, NULL));
}

static void set_up_module(void)
{
	struct pki_request req = { .role = PKI_ROLE_IDENTITY,
				   .serial = SERIAL,
				   .uid = module.uid,
				   .days = 10 };
	struct error e;

	assert_int_equal(hsm_open_remembered(mf, &root_key, &e), 0);
	assert_int_equal(pki_issue(&req, module.identity_public, root, root_key,
				   &identity, &e),
			 0);
	identity_key = visit_identity_key(&module);
}

static int start_all(void **state)
{
	tpm_fixture_start(state);
	program_mkdir(dir, sizeof(dir));
	certs_make(&foreign, "maker");
	soft_module_init(&module, *state, SERIAL);
	set_up_unit();
	set_up_module();
	process_harden();
	program_serve(&server, "secmod-pu", "serve", "--dir", pu,
		      "tcp:127.0.0.1:0", NULL);
	return 0;
}

static int stop_all(void **state)
{
	program_stop(&server);
	soft_module_end(&module);
	program_rmdir(dir);
	X509_free(root);
	X509_free(identity);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(identity_key);
	certs_free(&foreign);
	return tpm_fixture_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(module_is_personalized),
		cmocka_unit_test(refusal_of_the_module_is_remembered),
		cmocka_unit_test(vanished_module_is_remembered),
		cmocka_unit_test(request_for_another_module),
		cmocka_unit_test(births_elsewhere_are_refused),
		cmocka_unit_test(clocks_have_to_agree),
		cmocka_unit_test(strangers_are_refused),
		cmocka_unit_test(refusals_are_in_the_log),
		cmocka_unit_test(serial_line),
		cmocka_unit_test(without_central_system),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pu", tests, start_all, stop_all);
}
