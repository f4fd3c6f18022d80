#include "bench/tls_handshake.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <string>

#include "runtime/base/error.hpp"

namespace themis::bench {
namespace {

template <auto Free>
struct Freer {
  void operator()(auto* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Freer<SSL_free>>;

constexpr long kValiditySeconds = 24 * 3600;
constexpr size_t kFlightBytes = 16 * 1024;  // a BIO pair's buffer: any flight of a handshake fits

void must(bool fine, const char* what) {
  if (!fine) ERR_print_errors_fp(stderr);
  THEMIS_ASSERT(fine, what);
}

Key make_key(std::string_view type) {
  Key key(type == "P-256" ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  must(key != nullptr, "OpenSSL makes a key");
  return key;
}

void add_extension(X509* certificate, int nid, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "an extension");
  X509_EXTENSION_free(extension);
}

Certificate make_certificate(const char* name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  Certificate certificate(X509_new());
  X509* x = certificate.get();
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(x), 0);
  X509_gmtime_adj(X509_getm_notAfter(x), kValiditySeconds);
  X509_set_pubkey(x, key);
  X509_NAME* subject = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(x, issuer == nullptr ? subject : X509_get_subject_name(issuer));
  add_extension(x, NID_basic_constraints,
                issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  const bool ed25519 = EVP_PKEY_is_a(issuer_key, "ED25519") == 1;
  must(X509_sign(x, issuer_key, ed25519 ? nullptr : EVP_sha256()) > 0, "a certificate is signed");
  return certificate;
}

}  // namespace

struct TlsPair::Impl {
  Key ca_key;
  Certificate ca;
  Context client, server;

  Context make_end(const SSL_METHOD* method, const char* name, std::string_view key_type) const {
    const Key key = make_key(key_type);
    const Certificate certificate = make_certificate(name, key.get(), ca.get(), ca_key.get());
    Context context(SSL_CTX_new(method));
    SSL_CTX* c = context.get();
    must(SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1, "TLS 1.3");
    must(SSL_CTX_set_ciphersuites(c, "TLS_AES_256_GCM_SHA384") == 1, "the cipher suite");
    must(SSL_CTX_set1_groups_list(c, "X25519") == 1, "the group");
    must(SSL_CTX_use_certificate(c, certificate.get()) == 1, "the certificate");
    must(SSL_CTX_use_PrivateKey(c, key.get()) == 1, "the key");
    must(X509_STORE_add_cert(SSL_CTX_get_cert_store(c), ca.get()) == 1, "the CA");
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    must(SSL_CTX_set_num_tickets(c, 0) == 1, "no tickets");
    return context;
  }
};

TlsPair::TlsPair(std::string_view key_type) : impl_(std::make_unique<Impl>()) {
  impl_->ca_key = make_key(key_type);
  impl_->ca = make_certificate("bench CA", impl_->ca_key.get(), nullptr, impl_->ca_key.get());
  impl_->client = impl_->make_end(TLS_client_method(), "client", key_type);
  impl_->server = impl_->make_end(TLS_server_method(), "server", key_type);
}

TlsPair::~TlsPair() = default;

size_t TlsPair::handshake() {
  const Connection client(SSL_new(impl_->client.get())), server(SSL_new(impl_->server.get()));
  BIO *client_bio = nullptr, *server_bio = nullptr;
  must(BIO_new_bio_pair(&client_bio, kFlightBytes, &server_bio, kFlightBytes) == 1, "a BIO pair");
  SSL_set_bio(client.get(), client_bio, client_bio);
  SSL_set_bio(server.get(), server_bio, server_bio);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  bool client_done = false, server_done = false;
  constexpr int kTurnsMax = 10;  // a handshake takes two
  for (int turn = 0; turn < kTurnsMax && !(client_done && server_done); ++turn) {
    client_done = SSL_do_handshake(client.get()) == 1;
    server_done = SSL_do_handshake(server.get()) == 1;
  }
  must(client_done && server_done, "a TLS handshake ends");
  must(SSL_get_verify_result(client.get()) == X509_V_OK &&
           SSL_get_verify_result(server.get()) == X509_V_OK,
       "both ends are verified");
  return BIO_number_written(SSL_get_wbio(client.get())) +
         BIO_number_written(SSL_get_wbio(server.get()));
}

}  // namespace themis::bench
