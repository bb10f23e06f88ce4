// SPDX-License-Identifier: MIT
#include <errno.h>

#include "table.h"

/* clang-format off */
#define AT(type, member) \
	offsetof(struct type, member), sizeof(((struct type *)0)->member)
#define NUMBER(type, member, max) { FIELD_NUMBER, AT(type, member), max, 0, 0 }
#define RESERVED(type, member) NUMBER(type, member, 0)
#define FLAGS(type, member, max, never) \
	{ FIELD_FLAGS, AT(type, member), max, 0, never }
#define BYTES(type, member) { FIELD_BYTES, AT(type, member), 0, 0, 0 }
#define FILE_OF(type, member) { FIELD_FILE, AT(type, member), 0, 0, 0 }
#define POINTER(type, member, length, max) \
	{ FIELD_POINTER, AT(type, member), max, offsetof(struct type, length), 0 }
#define MESSAGES(type, member, count) \
	{ FIELD_MESSAGES, AT(type, member), 0, offsetof(struct type, count), 0 }
#define FIELDS(...) (const struct field[]){ __VA_ARGS__, { 0 } }
#define ENDS(...) (const int[]){ __VA_ARGS__, 0 }
#define CALL(name, type) #name, SECMOD_IOC_##name, sizeof(struct type)

const struct call ioctls[IOCTLS] = {
	{ CALL(INFO, secmod_info), 0, FIELDS({ 0 }), ENDS(0) },
	{ CALL(REASON, secmod_reason), 0, FIELDS({ 0 }), ENDS(0) },
	{ CALL(ATTACH, secmod_attach), 0,
	  FIELDS(FLAGS(secmod_attach, flags, 0, 0),
		 FILE_OF(secmod_attach, fd),
		 RESERVED(secmod_attach, reserved)),
	  ENDS(EBADF, EINVAL, EBADMSG, ESTALE, EKEYREJECTED, ENOENT, EBUSY) },
	/* never DISCARD: the module is to live */
	{ CALL(INIT_BEGIN, secmod_init_begin), 4,
	  FIELDS(FLAGS(secmod_init_begin, flags, SECMOD_INIT_EK_RSA,
		       SECMOD_INIT_DISCARD),
		 RESERVED(secmod_init_begin, reserved)),
	  ENDS(EEXIST, EBUSY, EACCES, ENOSPC) },
	{ CALL(INIT_ACTIVATE, secmod_init_activate), 0,
	  FIELDS(FLAGS(secmod_init_activate, flags, 0, 0),
		 BYTES(secmod_init_activate, blob),
		 BYTES(secmod_init_activate, secret),
		 NUMBER(secmod_init_activate, blob_len, 256),
		 NUMBER(secmod_init_activate, secret_len, 512),
		 RESERVED(secmod_init_activate, reserved)),
	  ENDS(EBADMSG, EBUSY) },
	{ CALL(INIT_COMPLETE, secmod_init_complete), 0,
	  FIELDS(FLAGS(secmod_init_complete, flags, 0, 0),
		 POINTER(secmod_init_complete, checking_cert, checking_cert_len,
			 SECMOD_CERT_MAX),
		 POINTER(secmod_init_complete, identity_cert, identity_cert_len,
			 SECMOD_CERT_MAX),
		 FILE_OF(secmod_init_complete, fd),
		 RESERVED(secmod_init_complete, reserved)),
	  ENDS(EBADF, EBADMSG, EKEYREJECTED, EKEYEXPIRED, ENOSPC, EBUSY) },
	{ CALL(PERSO_BEGIN, secmod_perso_begin), 0,
	  FIELDS(FLAGS(secmod_perso_begin, flags, 0, 0),
		 POINTER(secmod_perso_begin, signer_cert, signer_cert_len,
			 SECMOD_CERT_MAX),
		 BYTES(secmod_perso_begin, salt),
		 BYTES(secmod_perso_begin, pu_nonce),
		 RESERVED(secmod_perso_begin, reserved),
		 RESERVED(secmod_perso_begin, reserved2)),
	  ENDS(EBADMSG, EKEYREJECTED, EKEYEXPIRED, EBUSY) },
	{ CALL(PERSO_COMPLETE, secmod_perso_complete), 0,
	  FIELDS(FLAGS(secmod_perso_complete, flags, 0, 0),
		 POINTER(secmod_perso_complete, bundle, bundle_len,
			 SECMOD_BUNDLE_MAX),
		 RESERVED(secmod_perso_complete, reserved)),
	  ENDS(EBADMSG, EKEYREJECTED, EKEYEXPIRED, ESTALE, ENOSPC, EBUSY) },
	{ CALL(ATTEST, secmod_attestation), 0,
	  FIELDS(FLAGS(secmod_attestation, flags, 0, 0),
		 BYTES(secmod_attestation, nonce)), ENDS(0) },
	{ CALL(RESET, secmod_reset), 100,
	  FIELDS(FLAGS(secmod_reset, flags, SECMOD_RESET_FRESH_VAULT, 0),
		 BYTES(secmod_reset, nonce),
		 POINTER(secmod_reset, checking_cert, checking_cert_len,
			 SECMOD_CERT_MAX),
		 POINTER(secmod_reset, identity_cert, identity_cert_len,
			 SECMOD_CERT_MAX),
		 FILE_OF(secmod_reset, fd),
		 RESERVED(secmod_reset, reserved)),
	  ENDS(EBADF, EBUSY, EBADMSG, EKEYREJECTED, EKEYEXPIRED, ENOSPC) },
	{ CALL(GET_CERT, secmod_get_cert), 0,
	  FIELDS(NUMBER(secmod_get_cert, kind, SECMOD_CERT_CENTRAL),
		 NUMBER(secmod_get_cert, index, 1),
		 POINTER(secmod_get_cert, data, len, SECMOD_CERT_MAX)),
	  ENDS(ENOENT, ENOSPC) },
	{ CALL(SIGN, secmod_sign), 0,
	  FIELDS(NUMBER(secmod_sign, key, SECMOD_KEY_MODULE),
		 NUMBER(secmod_sign, hash, SECMOD_HASH_SHA512),
		 POINTER(secmod_sign, data, len, 1024)),
	  ENDS(EACCES) },
	{ CALL(DETACH, secmod_detach), 20,
	  FIELDS(FLAGS(secmod_detach, flags, 0, 0)), ENDS(EBUSY) },
	{ CALL(APDU, secmod_apdu), 0,
	  FIELDS(FLAGS(secmod_apdu, flags, 0, 0),
		 POINTER(secmod_apdu, command, command_len, SECMOD_APDU_MAX),
		 POINTER(secmod_apdu, response, response_len,
			 SECMOD_RESPONSE_MAX)),
	  ENDS(ENOSPC) },
	{ CALL(SEAL, secmod_messages), 0,
	  FIELDS(FLAGS(secmod_messages, flags, 0, 0),
		 MESSAGES(secmod_messages, messages, count),
		 NUMBER(secmod_messages, kvn, 0x60)),
	  ENDS(0) },
	{ CALL(OPEN, secmod_messages), 0,
	  FIELDS(FLAGS(secmod_messages, flags, 0, 0),
		 MESSAGES(secmod_messages, messages, count),
		 RESERVED(secmod_messages, kvn)),
	  ENDS(0) },
	{ CALL(KEYS, secmod_keys), 0,
	  FIELDS(FLAGS(secmod_keys, flags, 0, 0),
		 POINTER(secmod_keys, keys, count, SECMOD_BUNDLE_MAX)),
	  ENDS(ENOSPC) },
	{ CALL(USE_KEY, secmod_use_key), 0,
	  FIELDS(FLAGS(secmod_use_key, flags, 0, 0),
		 BYTES(secmod_use_key, aid),
		 NUMBER(secmod_use_key, aid_len, SECMOD_AID_MAX),
		 NUMBER(secmod_use_key, dgi, 0xffff),
		 NUMBER(secmod_use_key, use, SECMOD_USE_DECRYPT),
		 POINTER(secmod_use_key, in, in_len, SECMOD_BUNDLE_MAX),
		 POINTER(secmod_use_key, out, out_len, SECMOD_BUNDLE_MAX)),
	  ENDS(ENOENT, EACCES, ENOSPC) },
};
/* clang-format on */

/* of every ioctl */
static const int common[] = { EINVAL, E2BIG,  EOPNOTSUPP, EFAULT, EPERM,
			      EBADFD, ENOTTY, ENODEV,	  EIO,	  EAGAIN };

bool call_may_end(const struct call *c, int error)
{
	size_t i;

	for (i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (common[i] == error)
			return true;
	for (i = 0; c->ends[i]; i++)
		if (c->ends[i] == error)
			return true;
	return false;
}
