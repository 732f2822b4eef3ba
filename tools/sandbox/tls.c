/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate authority and a server certificate, made at start and never written to disk. */
#include "sandbox/conn.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    SSL_CTX *context;
    char *ca; /* PEM */
};

#define DAY 86400L

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* P-256: made in a millisecond, and all clients take it. */
static X509 *new_certificate(EVP_PKEY *key, const char *name, long serial, long end)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), end);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    return certificate;
}

static X509 *make_ca(EVP_PKEY *key, const char *name)
{
    X509 *ca = new_certificate(key, name, 1, 30 * DAY);
    X509_set_issuer_name(ca, X509_get_subject_name(ca));
    add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca, ca, NID_subject_key_identifier, "hash");
    X509_sign(ca, key, EVP_sha256());
    return ca;
}

static X509 *make_leaf(enum httpd_tls kind, EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key)
{
    bool wrong_host = kind == TLS_WRONG_HOST;
    X509 *leaf = new_certificate(key, wrong_host ? "elsewhere.example" : "localhost", 2,
                                 kind == TLS_EXPIRED ? -DAY : 30 * DAY);
    X509_set_issuer_name(leaf, X509_get_subject_name(ca));
    add_extension(leaf, ca, NID_subject_alt_name,
                  wrong_host ? "DNS:elsewhere.example" : "DNS:localhost,IP:127.0.0.1");
    add_extension(leaf, ca, NID_ext_key_usage, "serverAuth");
    X509_sign(leaf, ca_key, EVP_sha256());
    return leaf;
}

static char *pem_of(X509 *certificate)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *pem = must_strndup(data, (size_t)len);
    BIO_free(bio);
    return pem;
}

static char *make_other_ca(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = make_ca(key, "llmd-sandbox other CA");
    char *pem = pem_of(ca);
    X509_free(ca);
    EVP_PKEY_free(key);
    return pem;
}

/* Any client certificate is taken: tests look at its subject. */
static int accept_any(int preverified, X509_STORE_CTX *store)
{
    (void)preverified;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

struct tls *tls_new(enum httpd_tls kind, bool ask_client_cert)
{
    struct tls *tls = must_alloc(sizeof(*tls));
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *ca = make_ca(ca_key, "llmd-sandbox CA");
    X509 *leaf = make_leaf(kind, key, ca, ca_key);
    tls->context = SSL_CTX_new(TLS_server_method());
    /* Without it a client that resumes its session is refused, as clients are verified. */
    SSL_CTX_set_session_id_context(tls->context, (const unsigned char *)"sandbox", 7);
    SSL_CTX_use_certificate(tls->context, leaf);
    SSL_CTX_use_PrivateKey(tls->context, key);
    if (ask_client_cert)
        SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, accept_any);
    tls->ca = kind == TLS_UNKNOWN_CA ? make_other_ca() : pem_of(ca);
    X509_free(leaf);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls->ca);
    free(tls);
}

const char *tls_ca(const struct tls *tls)
{
    return tls->ca;
}

SSL *tls_accept(struct tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

char *tls_client_subject(SSL *ssl)
{
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    if (!certificate)
        return must_strndup("", 0);
    BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *subject = must_strndup(data, (size_t)len);
    BIO_free(bio);
    X509_free(certificate);
    return subject;
}
