#include "wire/handshake.hpp"

#include <bit>

#include "runtime/crypto/declassify.hpp"
#include "runtime/crypto/kdf.hpp"

namespace themis::wire {
namespace {

using crypto::DhKey;
using crypto::DhShare;
using crypto::Digest;
using crypto::Hasher;
using crypto::SecretBytes;

// Labels: none is the beginning of another, and each ends up in one kind of input only.
constexpr std::string_view kTranscriptLabel =
    "themis/handshake/v1 SIGMA-I X25519 Ed25519 BLAKE2b-256 HKDF-SHA256";
constexpr std::string_view kNetworkLabel = "themis/network-tag/v1";
constexpr std::string_view kResponderLabel = "themis/handshake/v1 responder";
constexpr std::string_view kInitiatorLabel = "themis/handshake/v1 initiator";
// Short enough that a block of HKDF hashes one SHA-256 block of input.
constexpr std::string_view kSealInfo = "themis/v1 handshake";
constexpr std::string_view kSessionInfo = "themis/v1 session";

constexpr size_t kClear2Bytes = kHandshake2Bytes - kSealedIdentityBytes;
constexpr size_t kShareOffset = kFrameHeaderBytes + 1;
constexpr size_t kNonceOffset = kShareOffset + DhShare::kBytes;
constexpr size_t kNetworkTagOffset = kNonceOffset + kHandshakeNonceBytes;
constexpr uint8_t kOfferSuites = kOfferAes256Gcm | kOfferChacha20Poly1305;

static_assert(kHandshake1Bytes + kHandshake2Bytes + kHandshake3Bytes <= 450);
static_assert(kHandshake1Bytes + kHandshake2Bytes + kHandshake3Bytes + 2 * (1 + Invite::kBytes) <=
                  600,
              "with an invite each");
const Admission kOpenToAll;

void write_header(FrameType type, std::span<std::byte> frame) {
  FrameHeader{.type = static_cast<uint8_t>(type),
              .length = static_cast<uint16_t>(frame.size() - kFrameHeaderBytes)}
      .write(frame.data());
}

bool is_frame(FrameType type, ByteView frame) {
  return !frame.empty() && static_cast<uint8_t>(frame[0]) == static_cast<uint8_t>(type);
}

/// `longer`: by how much it may be.
Status check_header(FrameType type, size_t size, ByteView frame, size_t longer = 0) {
  const FrameHeader wanted{.type = static_cast<uint8_t>(type),
                           .length = static_cast<uint16_t>(frame.size() - kFrameHeaderBytes)};
  if (frame.size() < size || frame.size() - size > longer ||
      FrameHeader::read(frame.data()) != wanted)
    return fail(Code::malformed, "not handshake message " + std::to_string(wanted.type));
  return {};
}

std::array<std::byte, kNetworkTagBytes> network_tag(ByteView nonce, std::string_view network) {
  const Digest digest =
      Hasher(kNetworkLabel).add_framed(nonce).add_framed(as_bytes(network)).finish();
  std::array<std::byte, kNetworkTagBytes> tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

Digest extend(const Digest& transcript, ByteView sealed, const crypto::PublicKey& key) {
  return Hasher(kTranscriptLabel)
      .add_framed(transcript)
      .add_framed(sealed)
      .add_framed(key.view())
      .finish();
}

/// What an identity signs: its role, everything said so far, its key, and what it shows besides.
Bytes signed_text(std::string_view role, const Digest& transcript, const crypto::PublicKey& key,
                  ByteView credentials) {
  Bytes text = to_bytes(role);
  append(text, transcript);
  append(text, key.view());
  append(text, credentials);
  return text;
}

/// What `config.self` shows when the handshake begins.
Bytes own_credentials(const HandshakeConfig& config) {
  Credentials shown{in_force(config.self->former(), config.wall_ms / 1000), std::nullopt};
  if (config.admission != nullptr) shown.invite = config.admission->invite;
  return shown.bytes();
}

std::string_view role_label(bool initiator) {
  return initiator ? kInitiatorLabel : kResponderLabel;
}

crypto::Suite suite_of(uint8_t choice) {
  return (choice & kOfferAes256Gcm) != 0 ? crypto::Suite::aes256gcm
                                         : crypto::Suite::chacha20poly1305;
}

/// The header and the transcript are what a sealed identity is bound to.
std::array<std::byte, 32 + kFrameHeaderBytes> sealing_context(const Digest& transcript,
                                                              ByteView frame) {
  std::array<std::byte, 32 + kFrameHeaderBytes> context;
  std::copy(transcript.begin(), transcript.end(), context.begin());
  std::copy_n(frame.begin(), kFrameHeaderBytes, context.begin() + 32);
  return context;
}

template <size_t From>
SecretBytes<32> part(const SecretBytes<96>& material) {
  return SecretBytes<32>(material.view().subspan<From, 32>());
}

/// Three keys from one secret, bound to a transcript.
SecretBytes<96> derive(const Digest& transcript, ByteView secret, std::string_view info) {
  SecretBytes<96> material;
  const auto expanded = crypto::hkdf_sha256_expand(crypto::hkdf_sha256_extract(transcript, secret),
                                                   as_bytes(info), material.span());
  THEMIS_ASSERT(expanded.has_value(), "96 bytes are within HKDF's limit");
  return material;
}

}  // namespace

uint8_t available_suites() {
  return crypto::available(crypto::Suite::aes256gcm) ? kOfferSuites : kOfferChacha20Poly1305;
}

Handshake::Handshake(const HandshakeConfig& config, Rng& rng, State state)
    : config_(config),
      credentials_(own_credentials(config)),
      rng_(&rng),
      state_(state),
      initiator_(state == State::ready) {
  THEMIS_ASSERT(config.self != nullptr, "a handshake needs an identity");
  THEMIS_ASSERT(config.suites != 0 && (config.suites & ~available_suites()) == 0,
                "only suites of this CPU are offered");
}

Handshake Handshake::initiator(const HandshakeConfig& config, Rng& rng) {
  return Handshake(config, rng, State::ready);
}

Handshake Handshake::responder(const HandshakeConfig& config, Rng& rng) {
  return Handshake(config, rng, State::expects_1);
}

Bytes Handshake::start() {
  THEMIS_ASSERT(state_ == State::ready, "an initiator starts once");
  ephemeral_.emplace(SecretBytes<DhKey::kSeedBytes>(*rng_));
  message_1_.resize(kHandshake1Bytes);
  const auto frame = std::span(message_1_).first<kHandshake1Bytes>();
  write_header(FrameType::handshake_1, frame);
  frame[kFrameHeaderBytes] = std::byte(config_.suites | (config_.encryption ? 0 : kOfferPlain));
  std::ranges::copy(ephemeral_->share().view(), frame.begin() + kShareOffset);
  const auto nonce = frame.subspan<kNonceOffset, kHandshakeNonceBytes>();
  rng_->fill(nonce);
  crypto::declassify(nonce);
  std::ranges::copy(network_tag(nonce, config_.self->network()), frame.begin() + kNetworkTagOffset);
  state_ = State::expects_2;
  return message_1_;
}

Result<Bytes> Handshake::step(ByteView frame) {
  switch (state_) {
    case State::expects_1:
      return on_message_1(frame);
    case State::expects_2:
      return is_frame(FrameType::retry, frame) ? on_retry(frame) : on_message_2(frame);
    case State::expects_3:
      return on_message_3(frame);
    case State::ready:
    case State::done:
    case State::taken:
      break;
  }
  return fail(Code::malformed, "a handshake message out of turn");
}

Result<uint8_t> Handshake::choose(uint8_t offered) const {
  if ((offered & ~(kOfferSuites | kOfferPlain)) != 0 || (offered & kOfferSuites) == 0)
    return fail(Code::malformed, "an offer of unknown suites");
  const bool plain = (offered & kOfferPlain) != 0;
  if (plain == config_.encryption)
    return fail(Code::denied, plain ? "the peer has encryption off, this node has it on"
                                    : "the peer has encryption on, this node has it off");
  const uint8_t common = offered & config_.suites;
  if (common == 0) return fail(Code::denied, "the peer offers no suite that this node allows");
  const uint8_t suite = (common & kOfferAes256Gcm) != 0 ? kOfferAes256Gcm : kOfferChacha20Poly1305;
  return static_cast<uint8_t>(suite | (offered & kOfferPlain));
}

Status Handshake::check_choice(uint8_t choice) const {
  const auto suite = static_cast<uint8_t>(choice & ~kOfferPlain);
  if (((choice & kOfferPlain) != 0) == config_.encryption)
    return fail(Code::denied, "the peer disagrees about encryption");
  if (!std::has_single_bit(suite) || (suite & config_.suites) == 0)
    return fail(Code::denied, "the peer chose a suite that was not offered");
  return {};
}

Result<Handshake::Secrets> Handshake::agree(const DhKey& own, const DhShare& peer,
                                            ByteView message_1, ByteView clear_2) const {
  THEMIS_TRY(const crypto::SharedSecret shared, own.agree(peer));
  Secrets secrets;
  secrets.transcript = Hasher(kTranscriptLabel)
                           .add_framed(as_bytes(config_.self->network()))
                           .add_framed(message_1)
                           .add_framed(clear_2)
                           .finish();
  const SecretBytes<96> material = derive(secrets.transcript, shared.view(), kSealInfo);
  secrets.seal_2 = part<0>(material);
  secrets.seal_3 = part<32>(material);
  secrets.chain = part<64>(material);
  secrets.choice = static_cast<uint8_t>(clear_2[kFrameHeaderBytes]);
  return secrets;
}

/// The end of `frame`: the key, the signature, the credentials, and room for the tag.
void Handshake::seal_identity(const SecretBytes<32>& key, const Secrets& secrets,
                              std::span<std::byte> frame) const {
  const auto sealed = frame.last(kSealedIdentityBytes + credentials_.size());
  const auto opened = sealed.first(sealed.size() - kTagBytes);
  const crypto::SigningKey& own = config_.self->key();
  std::ranges::copy(own.public_key().view(), opened.begin());
  const auto signature = own.sign(
      signed_text(role_label(initiator_), secrets.transcript, own.public_key(), credentials_));
  std::ranges::copy(signature.view(), opened.begin() + crypto::PublicKey::kBytes);
  std::ranges::copy(credentials_, opened.last(credentials_.size()).begin());
  crypto::AeadKey aead(suite_of(secrets.choice), SecretBytes<32>(key.view()));
  aead.seal(crypto::counter_nonce(0), sealing_context(secrets.transcript, frame), opened,
            sealed.last<kTagBytes>());
  crypto::declassify(sealed);
}

Result<Handshake::Peer> Handshake::open_identity(const SecretBytes<32>& key, const Secrets& secrets,
                                                 ByteView frame) const {
  const size_t size = frame.size() - (initiator_ ? kClear2Bytes : kFrameHeaderBytes);
  Bytes sealed(frame.end() - static_cast<std::ptrdiff_t>(size), frame.end());
  const auto opened = std::span(sealed).first(size - kTagBytes);
  crypto::AeadKey aead(suite_of(secrets.choice), SecretBytes<32>(key.view()));
  THEMIS_CHECK(aead.open(crypto::counter_nonce(0), sealing_context(secrets.transcript, frame),
                         opened, std::span(sealed).last<kTagBytes>()));
  crypto::declassify(opened);  // hidden from others; what is checked of it is our own log's
  constexpr size_t kKeyBytes = crypto::PublicKey::kBytes;
  constexpr size_t kSignatureBytes = crypto::Signature::kBytes;
  THEMIS_TRY(const auto peer, crypto::PublicKey::from_bytes(opened.first<kKeyBytes>()));
  THEMIS_TRY(const auto signature,
             crypto::Signature::from_bytes(opened.subspan<kKeyBytes, kSignatureBytes>()));
  const ByteView credentials = opened.subspan(kKeyBytes + kSignatureBytes);
  THEMIS_CHECK(crypto::verify(
      peer, signed_text(role_label(!initiator_), secrets.transcript, peer, credentials),
      signature));
  return check_peer(peer, credentials);
}

/// Whoever is there has proved its key: is it who may be there?
Result<Handshake::Peer> Handshake::check_peer(const crypto::PublicKey& key,
                                              ByteView credentials) const {
  const std::string& network = config_.self->network();
  const NodeId id = node_id(key, network);
  if (id == config_.self->id()) return fail(Code::invalid, "a node does not talk to itself");
  THEMIS_TRY(const Credentials shown, Credentials::from_bytes(credentials));
  const Admission& rules = config_.admission != nullptr ? *config_.admission : kOpenToAll;
  auto standing = judge(shown, key, network, rules, config_.wall_ms / 1000);
  if (!standing)
    return fail(standing.error().code, "node " + id.brief() + ": " + standing.error().detail);
  if (config_.expected && id != *config_.expected &&
      std::ranges::find(standing->former, *config_.expected) == standing->former.end())
    return fail(Code::wrong_peer,
                "the peer is node " + id.brief() + ", not " + config_.expected->brief());
  return Peer{key, std::move(*standing)};
}

/// Cheap checks first: a hash for the network, and under load a MAC for the address.
Result<Bytes> Handshake::on_message_1(ByteView frame) {
  const bool has_cookie = retried_ && frame.size() == kHandshake1CookieBytes;
  THEMIS_CHECK(check_header(FrameType::handshake_1,
                            has_cookie ? kHandshake1CookieBytes : kHandshake1Bytes, frame));
  const auto nonce = frame.subspan<kNonceOffset, kHandshakeNonceBytes>();
  if (!std::ranges::equal(network_tag(nonce, config_.self->network()),
                          frame.subspan<kNetworkTagOffset, kNetworkTagBytes>()))
    return fail(Code::wrong_peer, "another network");
  const ByteView body = frame.subspan<kFrameHeaderBytes, kHandshake1Bytes - kFrameHeaderBytes>();
  if (config_.cookies == nullptr) return answer(frame);
  if (!config_.cookies->required() ||
      (has_cookie && config_.cookies->check(caller_, body, frame.last<kCookieBytes>()))) {
    if (!config_.cookies->admit(site_))
      return fail(Code::overloaded, "too many handshakes a second, of this site or of all");
    return answer(frame);
  }
  if (retried_) return fail(Code::denied, "no valid cookie after a retry");
  retried_ = true;
  ++config_.cookies->counters.retries;
  Bytes retry(kRetryBytes);
  write_header(FrameType::retry, retry);
  std::ranges::copy(config_.cookies->make(caller_, body), retry.begin() + kFrameHeaderBytes);
  return retry;
}

Result<Bytes> Handshake::on_retry(ByteView frame) {
  THEMIS_CHECK(check_header(FrameType::retry, kRetryBytes, frame));
  if (retried_) return fail(Code::malformed, "a second retry");
  retried_ = true;
  append(message_1_, frame.last<kCookieBytes>());
  write_header(FrameType::handshake_1, message_1_);
  return message_1_;
}

Result<Bytes> Handshake::answer(ByteView frame) {
  THEMIS_TRY(const uint8_t choice, choose(static_cast<uint8_t>(frame[kFrameHeaderBytes])));
  THEMIS_TRY(const DhShare peer,
             DhShare::from_bytes(frame.subspan<kShareOffset, DhShare::kBytes>()));
  const DhKey own{SecretBytes<DhKey::kSeedBytes>(*rng_)};
  Bytes reply(kHandshake2Bytes + credentials_.size());
  write_header(FrameType::handshake_2, reply);
  reply[kFrameHeaderBytes] = std::byte(choice);
  std::ranges::copy(own.share().view(), reply.begin() + kShareOffset);
  const auto nonce = std::span(reply).subspan<kNonceOffset, kHandshakeNonceBytes>();
  rng_->fill(nonce);
  crypto::declassify(nonce);
  THEMIS_TRY(Secrets secrets, agree(own, peer, frame, ByteView(reply).first(kClear2Bytes)));
  seal_identity(secrets.seal_2, secrets, reply);
  secrets.seal_2 = {};
  secrets.transcript =
      extend(secrets.transcript, ByteView(reply).subspan(kClear2Bytes), config_.self->public_key());
  secrets_.emplace(std::move(secrets));
  state_ = State::expects_3;
  if (config_.cookies != nullptr) ++config_.cookies->counters.answered;
  return reply;
}

Result<Bytes> Handshake::on_message_2(ByteView frame) {
  THEMIS_CHECK(
      check_header(FrameType::handshake_2, kHandshake2Bytes, frame, Credentials::kBytesMax));
  THEMIS_CHECK(check_choice(static_cast<uint8_t>(frame[kFrameHeaderBytes])));
  THEMIS_TRY(const DhShare share,
             DhShare::from_bytes(frame.subspan<kShareOffset, DhShare::kBytes>()));
  THEMIS_TRY(Secrets secrets, agree(*ephemeral_, share, message_1_, frame.first<kClear2Bytes>()));
  THEMIS_TRY(Peer peer, open_identity(secrets.seal_2, secrets, frame));
  secrets.transcript = extend(secrets.transcript, frame.subspan(kClear2Bytes), peer.key);
  Bytes reply(kHandshake3Bytes + credentials_.size());
  write_header(FrameType::handshake_3, reply);
  seal_identity(secrets.seal_3, secrets, reply);
  ephemeral_.reset();
  finish(secrets, std::move(peer), config_.self->public_key(),
         ByteView(reply).subspan(kFrameHeaderBytes));
  return reply;
}

Result<Bytes> Handshake::on_message_3(ByteView frame) {
  THEMIS_CHECK(
      check_header(FrameType::handshake_3, kHandshake3Bytes, frame, Credentials::kBytesMax));
  THEMIS_TRY(Peer peer, open_identity(secrets_->seal_3, *secrets_, frame));
  const crypto::PublicKey initiator = peer.key;
  finish(*secrets_, std::move(peer), initiator, frame.subspan(kFrameHeaderBytes));
  secrets_.reset();
  return Bytes();
}

void Handshake::finish(const Secrets& secrets, Peer peer, const crypto::PublicKey& initiator,
                       ByteView sealed_3) {
  const Digest transcript = extend(secrets.transcript, sealed_3, initiator);
  const SecretBytes<96> material = derive(transcript, secrets.chain.view(), kSessionInfo);
  SecretBytes<32> forward = part<0>(material), backward = part<32>(material);
  SessionKeys keys{.suite = suite_of(secrets.choice),
                   .encryption = config_.encryption,
                   .initiator = initiator_,
                   .send = initiator_ ? std::move(forward) : std::move(backward),
                   .receive = initiator_ ? std::move(backward) : std::move(forward)};
  established_.emplace(Established{.peer = node_id(peer.key, config_.self->network()),
                                   .peer_key = peer.key,
                                   .session = Session(std::move(keys)),
                                   .transcript = transcript,
                                   .exporter = part<64>(material),
                                   .standing = std::move(peer.standing)});
  state_ = State::done;
}

Established Handshake::take() {
  THEMIS_ASSERT(state_ == State::done, "the outcome is taken once, when it is there");
  Established outcome = std::move(*established_);
  established_.reset();
  state_ = State::taken;
  return outcome;
}

}  // namespace themis::wire
