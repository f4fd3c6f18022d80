// `check`, the back-end of the paper's AppAuth: knows the users. Start it twice with --version 1
// and --version 2, and a [[route]] decides who is asked. C++ programs call check(), functions call
// fetch().
#include <themis/node.hpp>
#include <unistd.h>

#include <iostream>
#include <map>
#include <sstream>

#include "check.capnp.h"

namespace {

/// Version 2 takes user names in capitals too; else they are alike.
struct Users {
  std::string version;
  std::map<std::string, std::string> passwords{{"ada", "lovelace"}, {"alan", "turing"}};

  bool know(std::string user, const std::string& password) const {
    if (version == "2")
      for (char& c : user)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto found = passwords.find(user);
    return found != passwords.end() && found->second == password;
  }
};

std::string own_version;

class Check : public themis::Service {
 public:
  themis::Reply<twiitr::Verdict> check(themis::In<twiitr::Check> in) {
    const auto asked = in.view();
    themis::Out<twiitr::Verdict> out;
    if (asked->getUser() == "fail")  // what a breaker is for, on demand
      co_return themis::Error{themis::Code::internal, "version " + users_.version + " is ill"};
    out->setKnown(users_.know(asked->getUser().cStr(), asked->getPassword().cStr()));
    out->setVersion(users_.version);
    out->setNode(static_cast<uint64_t>(getpid()));
    co_return out;
  }

  /// A body of two lines, the user and the password -> {"known", "version"}.
  themis::Reply<themis::HttpResponse> fetch(themis::In<themis::HttpRequest> in) {
    const auto request = in.view();
    const auto body = request->getBody().asChars();
    std::istringstream lines(std::string(body.begin(), body.size()));
    std::string user, password;
    std::getline(lines, user);
    std::getline(lines, password);
    if (user == "fail")
      co_return themis::Error{themis::Code::internal, "version " + users_.version + " is ill"};
    const std::string verdict = std::string("{\"known\":") +
                                (users_.know(user, password) ? "true" : "false") +
                                ",\"version\":\"" + users_.version + "\"}";
    themis::Out<themis::HttpResponse> out;
    out->setStatus(200);
    auto type = out->initHeaders(1)[0];
    type.setName("content-type");
    type.setValue("application/json");
    out->setBody(kj::StringPtr(verdict.c_str()).asBytes());
    co_return out;
  }

 private:
  Users users_{own_version};
};

}  // namespace

int main(int argc, char** argv) {
  const auto settings = themis::NodeSettings::from_arguments(argc, argv);
  own_version = settings.version;
  themis::Node node(settings);
  if (const auto served = node.serve<Check, &Check::check, &Check::fetch>("check"); !served) {
    std::cerr << "check: " << served.error().text() << '\n';
    return 1;
  }
  return node.run();
}
