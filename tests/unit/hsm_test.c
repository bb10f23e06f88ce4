// SPDX-License-Identifier: MIT
/* Keys by URI: in files, and in a software TPM reached as a real one is. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "certs.h"
#include "hsm/hsm.h"
#include "pki/peer.h"
#include "pki/request.h"
#include "program.h"
#include "soft_tpm.h"

static char dir[200], tcti[300], uri[400];
static struct soft_tpm tpm;

static int start_all(void **state)
{
	(void)state;
	program_mkdir(dir, sizeof(dir));
	soft_tpm_init(&tpm, dir);
	snprintf(tcti, sizeof(tcti), "%s", tpm.tcti);
	snprintf(uri, sizeof(uri), "tpm:0x81000100?tcti=%s", tcti);
	soft_tpm_on(&tpm);
	return 0;
}

static int stop_all(void **state)
{
	(void)state;
	soft_tpm_off(&tpm);
	program_rmdir(dir);
	return 0;
}

static void must(int ret, const struct error *e)
{
	if (ret)
		fail_msg("%d: %s", ret, e->text);
}

static EVP_PKEY *must_open(const char *which)
{
	struct error e;
	EVP_PKEY *key;

	must(hsm_open_key(which, &key, &e), &e);
	return key;
}

/* The key is made once, whichever test is first. */
static EVP_PKEY *tpm_key(void)
{
	struct error e;
	EVP_PKEY *key;
	int ret = hsm_create_key(uri, &key, &e);

	if (ret == -EEXIST)
		return must_open(uri);
	must(ret, &e);
	return key;
}

static void signs(EVP_PKEY *key)
{
	uint8_t sig[64];
	struct error e;

	must(pki_sign_raw(key, "text", 4, sig, &e), &e);
	must(pki_verify_raw(key, "text", 4, sig, &e), &e);
}

/* --- files --- */

static void file_keys(void **state)
{
	char path[300], which[320];
	EVP_PKEY *key, *again;
	struct error e;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/k.pem", dir);
	snprintf(which, sizeof(which), "file:%s", path);
	assert_int_equal(hsm_open_key(which, &key, &e), -ENOENT);
	must(hsm_create_key(which, &key, &e), &e);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	signs(key);
	assert_int_equal(hsm_create_key(which, &again, &e), -EEXIST);
	again = must_open(which);
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	EVP_PKEY_free(again);
	chmod(path, 0640);
	assert_int_equal(hsm_open_key(which, &again, &e), -EPERM);
	assert_non_null(strstr(e.text, "chmod 600"));
	EVP_PKEY_free(key);
	unlink(path);
}

static void write_pem(const char *path, const char *group, const char *pass)
{
	EVP_PKEY *key = EVP_EC_gen(group);
	FILE *f = fopen(path, "w");

	assert_true(PEM_write_PKCS8PrivateKey(
		f, key, pass ? EVP_aes_128_cbc() : NULL, pass,
		pass ? strlen(pass) : 0, NULL, NULL));
	fclose(f);
	chmod(path, 0600);
	EVP_PKEY_free(key);
}

static void files_that_are_no_keys(void **state)
{
	char path[300], which[320];
	EVP_PKEY *key;
	struct error e;

	(void)state;
	snprintf(path, sizeof(path), "%s/k.pem", dir);
	snprintf(which, sizeof(which), "file:%s", path);
	write_pem(path, "P-384", NULL);
	assert_int_equal(hsm_open_key(which, &key, &e), -EINVAL);
	write_pem(path, "P-256", "secret");
	assert_int_equal(hsm_open_key(which, &key, &e), -EBADMSG);
	assert_int_equal(truncate(path, 40), 0);
	assert_int_equal(hsm_open_key(which, &key, &e), -EBADMSG);
	assert_null(key);
	unlink(path);
	snprintf(which, sizeof(which), "file:%s", dir);
	assert_int_equal(hsm_open_key(which, &key, &e), -EINVAL);
}

static void malformed_uris(void **state)
{
	static const char *const bad[] = {
		"",
		"k.pem",
		"pkcs11:x",
		"tpm:",
		"tpm:81000100",
		"tpm:0x80000000",
		"tpm:0x82000000",
		"tpm:0x81000100x",
		"tpm:0x81000100?",
		"tpm:0x81000100?tcti",
		"tpm:0x81000100?tcti=",
		"tpm:0x81000100?tcti=x&",
		"tpm:0x81000100?pin=1",
	};
	EVP_PKEY *key;
	struct error e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (hsm_create_key(bad[i], &key, &e) != -EINVAL)
			fail_msg("'%s': %s", bad[i], e.text);
		assert_true(hsm_open_key(bad[i], &key, &e) < 0);
		assert_null(key);
	}
	assert_int_equal(hsm_create_key("secmod:module", &key, &e),
			 -EOPNOTSUPP);
}

static void key_is_remembered(void **state)
{
	char which[320];
	EVP_PKEY *key, *again;
	struct error e;

	(void)state;
	snprintf(which, sizeof(which), "file:%s/r.pem", dir);
	assert_int_equal(hsm_open_remembered(dir, &key, &e), -ENOENT);
	must(hsm_create_key(which, &key, &e), &e);
	must(hsm_remember_key(dir, which, &e), &e);
	must(hsm_open_remembered(dir, &again, &e), &e);
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(again);
}

/* --- the TPM --- */

static void count_transients(size_t expect)
{
	TSS2_TCTI_CONTEXT *t = NULL;
	TPMS_CAPABILITY_DATA *cap;
	ESYS_CONTEXT *esys;

	assert_int_equal(Tss2_TctiLdr_Initialize(tcti, &t), 0);
	assert_int_equal(Esys_Initialize(&esys, t, NULL), 0);
	assert_int_equal(Esys_GetCapability(esys, ESYS_TR_NONE, ESYS_TR_NONE,
					    ESYS_TR_NONE, TPM2_CAP_HANDLES,
					    TPM2_TRANSIENT_FIRST, 10, NULL,
					    &cap),
			 0);
	assert_int_equal(cap->data.handles.count, expect);
	Esys_Free(cap);
	Esys_Finalize(&esys);
	Tss2_TctiLdr_Finalize(&t);
}

static void tpm_key_signs(void **state)
{
	EVP_PKEY *key = tpm_key();

	(void)state;
	signs(key);
	count_transients(0);
	EVP_PKEY_free(key);
}

static void tpm_key_is_not_made_twice(void **state)
{
	EVP_PKEY *key = tpm_key(), *again;
	struct error e;

	(void)state;
	assert_int_equal(hsm_create_key(uri, &again, &e), -EEXIST);
	again = must_open(uri);
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(again);
}

static void tpm_key_issues_certificates(void **state)
{
	EVP_PKEY *key = tpm_key(), *back;
	char path[300];
	struct error e;
	X509 *root;

	(void)state;
	root = certs_issue(PKI_ROLE_MANUFACTURER, key, NULL, key, 10);
	must(pki_check(root, PKI_ROLE_MANUFACTURER, root, time(NULL), &e), &e);
	must(pki_check_key(root, key, "the key", &e), &e);
	snprintf(path, sizeof(path), "%s/csr.pem", dir);
	must(pki_write_csr(path, "name", key, &e), &e);
	must(pki_read_csr(path, &back, &e), &e);
	assert_int_equal(EVP_PKEY_eq(key, back), 1);
	EVP_PKEY_free(back);
	X509_free(root);
	EVP_PKEY_free(key);
}

static void no_key_no_tpm(void **state)
{
	char which[340];
	EVP_PKEY *key;
	struct error e;

	(void)state;
	snprintf(which, sizeof(which), "tpm:0x81000555?tcti=%s", tcti);
	assert_true(hsm_open_key(which, &key, &e) < 0);
	assert_non_null(strstr(e.text, "there is no key at 0x81000555"));
	assert_true(hsm_open_key("tpm:0x81000100?tcti=swtpm:port=1", &key, &e) <
		    0);
	assert_non_null(strstr(e.text, "cannot reach the TPM"));
	count_transients(0);
}

/* A daemon outlives a restart of the TPM (suspend, firmware, swtpm). */
static void tpm_restart_is_survived(void **state)
{
	EVP_PKEY *key = tpm_key();

	(void)state;
	signs(key);
	soft_tpm_off(&tpm);
	soft_tpm_on(&tpm);
	signs(key);
	EVP_PKEY_free(key);
}

static void child_has_its_own_connection(void **state)
{
	EVP_PKEY *key = tpm_key();
	uint8_t sig[64];
	struct error e;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid)
		_exit(pki_sign_raw(key, "child", 5, sig, &e) ? 1 : 0);
	signs(key);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	signs(key);
	EVP_PKEY_free(key);
}

static void *sign_often(void *arg)
{
	uint8_t sig[64];
	struct error e;
	int i;

	for (i = 0; i < 20; i++)
		if (pki_sign_raw(arg, "thread", 6, sig, &e) ||
		    pki_verify_raw(arg, "thread", 6, sig, &e))
			return arg;
	return NULL;
}

static void threads_share_a_key(void **state)
{
	EVP_PKEY *key = tpm_key();
	pthread_t threads[4];
	void *bad;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, sign_often, key);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	count_transients(0);
	EVP_PKEY_free(key);
}

static void write_password(const char *path, const char *password)
{
	FILE *f = fopen(path, "w");

	fputs(password, f);
	fclose(f);
}

static void password_guards_a_key(void **state)
{
	char path[300], which[640];
	uint8_t sig[64];
	EVP_PKEY *key;
	struct error e;

	(void)state;
	snprintf(path, sizeof(path), "%s/password", dir);
	snprintf(which, sizeof(which), "tpm:0x81000101?tcti=%s&auth=%s", tcti,
		 path);
	assert_int_equal(hsm_create_key(which, &key, &e), -ENOENT);
	write_password(path, "right\n");
	must(hsm_create_key(which, &key, &e), &e);
	signs(key);
	EVP_PKEY_free(key);
	write_password(path, "wrong\n");
	key = must_open(which);
	assert_true(pki_sign_raw(key, "x", 1, sig, &e) < 0);
	assert_non_null(strstr(e.text, "signing in the TPM"));
	assert_null(strstr(e.text, "wrong\n"));
	EVP_PKEY_free(key);
	write_password(path, "two\nlines\n");
	assert_true(hsm_open_key(which, &key, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_remembered),
		cmocka_unit_test(file_keys),
		cmocka_unit_test(files_that_are_no_keys),
		cmocka_unit_test(malformed_uris),
		cmocka_unit_test(tpm_key_signs),
		cmocka_unit_test(tpm_key_is_not_made_twice),
		cmocka_unit_test(tpm_key_issues_certificates),
		cmocka_unit_test(no_key_no_tpm),
		cmocka_unit_test(tpm_restart_is_survived),
		cmocka_unit_test(child_has_its_own_connection),
		cmocka_unit_test(threads_share_a_key),
		cmocka_unit_test(password_guards_a_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hsm", tests, start_all, stop_all);
}
