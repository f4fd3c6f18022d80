#include "actors/gateway/invocation.hpp"

#include <algorithm>

namespace themis {
namespace {

/// An answer's limits: those of the worker that made it, checked again because a peer sent it.
constexpr size_t kAnswerHeadersMax = 1024;
constexpr size_t kAnswerHeaderBytesMax = 256 * 1024;

/// Whether a Connection header names this field: it is for one hop then.
bool is_listed(const std::string* connection, std::string_view name) {
  if (connection == nullptr) return false;
  std::string_view left = *connection;
  while (!left.empty()) {
    const size_t end = std::min(left.find(','), left.size());
    std::string_view token = left.substr(0, end);
    while (token.starts_with(' ')) token.remove_prefix(1);
    while (token.ends_with(' ')) token.remove_suffix(1);
    if (http::equal_ignoring_case(token, name)) return true;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return false;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == ':' || c == '[' || c == ']' || c == '_';
}

}  // namespace

std::string CallTarget::ring_name() const {
  return by_code() ? ring_name_of_code(code) : ring_name_of_function(function);
}

Result<std::string> origin_of(const http::Headers& headers) {
  const std::string* host = headers.find("Host");
  if (host == nullptr || host->empty()) return std::string("http://localhost");
  if (!std::ranges::all_of(*host, is_host_character))
    return fail(Code::malformed, "the Host header is not a host");
  return "http://" + *host;
}

Result<InvokeMsg> encode_invoke(const CallTarget& target, const http::Request& request,
                                const std::string& url, bool hide_authorization, TimePoint deadline,
                                FlowId flow, bool socket) {
  const std::string* connection = request.headers.find("Connection");
  std::vector<const http::Header*> sent;
  sent.reserve(request.headers.size());
  size_t bytes = 0;
  for (const http::Header& header : request.headers) {
    const bool is_upgrade = socket && http::equal_ignoring_case(header.name, "Upgrade");
    const bool is_hops = http::is_for_one_hop(header.name) || is_listed(connection, header.name);
    if (is_hops && !is_upgrade) continue;  // handlers look whether a WebSocket is asked for
    if (hide_authorization && http::equal_ignoring_case(header.name, "Authorization")) continue;
    bytes += header.name.size() + header.value.size();
    sent.push_back(&header);
  }
  if (sent.size() > kInvokeHeadersMax || bytes > kInvokeHeadBytesMax ||
      url.size() > kInvokeHeadBytesMax || request.body.size() > kInvokeBodyBytesMax)
    return fail(Code::too_large, "the request is larger than a function takes");
  // Each text takes its bytes, a terminator and padding; a header two pointers.
  const size_t words =
      (bytes + url.size() + request.body.size()) / wire::Frame::kWordBytes + 6 * sent.size() + 48;
  wire::Builder<schema::Invoke> invoke(words);
  invoke->setFunction(wire::to_text(target.function));
  if (target.by_code()) invoke->setCode(wire::to_data(target.code));
  invoke->setMethod(wire::to_text(request.method));
  invoke->setUrl(wire::to_text(url));
  auto headers = invoke->initHeaders(static_cast<unsigned>(sent.size()));
  for (unsigned i = 0; i < sent.size(); ++i) {
    headers[i].setName(wire::to_text(sent[i]->name));
    headers[i].setValue(wire::to_text(sent[i]->value));
  }
  invoke->setBody(wire::to_data(as_bytes(request.body)));
  invoke->setFlow(flow);
  invoke->setSocket(socket);
  invoke->setFresh(target.fresh);
  return invoke.finish(deadline);
}

Result<Reply> decode_outcome(const OutcomeMsg& message) {
  return wire::decode(message, [](const schema::Outcome::Reader& outcome) -> Result<Reply> {
    http::Response response;
    response.status = outcome.getStatus();
    const bool is_socket = response.status == 101 && outcome.getFlow() != 0;
    if ((response.status < 200 && !is_socket) || response.status > 599)
      return fail(Code::malformed, "an answer with the status " + std::to_string(response.status));
    const auto headers = outcome.getHeaders();
    if (headers.size() > kAnswerHeadersMax)
      return fail(Code::malformed, "an answer of too many headers");
    size_t bytes = 0;
    for (const schema::Header::Reader header : headers) {
      const std::string_view name = wire::text_of(header.getName());
      const std::string_view value = wire::text_of(header.getValue());
      bytes += name.size() + value.size();
      if (bytes > kAnswerHeaderBytesMax) return fail(Code::malformed, "headers of over 256 KB");
      if (!http::is_token(name) || !http::is_field_value(value))
        return fail(Code::malformed, "an answer with a header that is none");
      if (!http::is_for_one_hop(name)) response.headers.add(std::string(name), std::string(value));
    }
    const ByteView body = wire::bytes_of(outcome.getBody());
    if (body.size() > kOutcomeBodyBytesMax)
      return fail(Code::malformed, "an answer's body of over 1.5 MB");
    response.body = as_text(body);
    return Reply{std::move(response), outcome.getFlow(), outcome.getCpuUs()};
  });
}

}  // namespace themis
