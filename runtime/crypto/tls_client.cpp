#include "runtime/crypto/tls_client.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

#include "runtime/crypto/openssl.hpp"

namespace themis::crypto {
namespace {

using Context = std::unique_ptr<SSL_CTX, Frees<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Frees<SSL_free>>;

constexpr std::array<unsigned char, 9> kHttp = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

}  // namespace

struct TlsTrust::Impl {
  Context context;
};
struct TlsClient::Impl {
  Session session;
  BIO* from_peer = nullptr;  // the session's
  BIO* to_peer = nullptr;
};

TlsTrust::TlsTrust(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsTrust::~TlsTrust() = default;
TlsTrust::TlsTrust(TlsTrust&&) noexcept = default;
TlsTrust& TlsTrust::operator=(TlsTrust&&) noexcept = default;

Result<TlsTrust> TlsTrust::of_system() {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_default_verify_paths(context.get()) != 1)
    return fail(Code::io, "the system's certificate authorities: " + last_error());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_protos(context.get(), kHttp.data(), kHttp.size());
  return TlsTrust(std::make_unique<Impl>(Impl{std::move(context)}));
}

TlsClient::TlsClient(const TlsTrust& trust, const std::string& host)
    : impl_(std::make_unique<Impl>()) {
  impl_->session.reset(SSL_new(trust.impl_->context.get()));
  SSL* session = impl_->session.get();
  impl_->from_peer = BIO_new(BIO_s_mem());
  impl_->to_peer = BIO_new(BIO_s_mem());
  THEMIS_ASSERT(session != nullptr && impl_->from_peer != nullptr && impl_->to_peer != nullptr,
                "OpenSSL has memory");
  SSL_set_bio(session, impl_->from_peer, impl_->to_peer);  // takes both
  SSL_set_connect_state(session);
  SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (is_numeric(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
  } else {
    SSL_set1_host(session, host.c_str());
    SSL_set_tlsext_host_name(session, host.c_str());
  }
}

TlsClient::~TlsClient() = default;

Error TlsClient::failure() const {
  const long verified = SSL_get_verify_result(impl_->session.get());
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return {Code::forged,
            std::string("the server's certificate: ") + X509_verify_cert_error_string(verified)};
  }
  return {Code::malformed, "TLS with the server: " + last_error()};
}

Status TlsClient::feed(ByteView received, std::string& out) {
  ERR_clear_error();
  if (!received.empty())
    BIO_write(impl_->from_peer, received.data(), static_cast<int>(received.size()));
  if (!established_) {
    const int done = SSL_do_handshake(impl_->session.get());
    if (done != 1) {
      const int why = SSL_get_error(impl_->session.get(), done);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return {};
      return fail(failure());
    }
    established_ = true;
  }
  return read(out);
}

Status TlsClient::read(std::string& out) {
  std::array<char, 16 * 1024> buffer;
  while (true) {
    const int n = SSL_read(impl_->session.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (n > 0) {
      out.append(buffer.data(), static_cast<size_t>(n));
      continue;
    }
    const int why = SSL_get_error(impl_->session.get(), n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return {};
    if (why != SSL_ERROR_ZERO_RETURN) return fail(failure());
    closed_ = true;
    return {};
  }
}

void TlsClient::write(std::string_view plain) {
  ERR_clear_error();
  if (!plain.empty()) SSL_write(impl_->session.get(), plain.data(), static_cast<int>(plain.size()));
}

std::string TlsClient::take_output() {
  char* data = nullptr;
  const long size = BIO_get_mem_data(impl_->to_peer, &data);
  std::string out(data, size > 0 ? static_cast<size_t>(size) : 0);
  BIO_reset(impl_->to_peer);
  return out;
}

}  // namespace themis::crypto
