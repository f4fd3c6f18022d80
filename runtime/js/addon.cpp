// The addon's entry: hands Node's V8 platform to the engine and runs the program to its end.
#include "runtime/js/addon.hpp"

#include <node.h>

#include <cstdio>
#include <string>
#include <vector>

#include "runtime/js/platform.hpp"
#include "runtime/js/snapshot.hpp"
#include "runtime/js/text.hpp"

namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

std::vector<std::string> string_arguments(const Info& info) {
  std::vector<std::string> out;
  for (int i = 0; i < info.Length(); ++i)
    if (info[i]->IsString())
      out.push_back(themis::js::to_utf8(info.GetIsolate(), info[i].As<v8::String>()));
  return out;
}

/// run(addon, arguments...): the exit code of the program
void run(const Info& info) {
  std::vector<std::string> arguments = string_arguments(info);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  const int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  info.GetReturnValue().Set(themis_worker_main(argc, argv.data()));
}

/// snapshot(path): 0, or 1 with the reason on stderr
void snapshot(const Info& info) {
  const std::vector<std::string> arguments = string_arguments(info);
  const themis::Status written = [&]() -> themis::Status {
    if (arguments.size() != 1) return themis::fail(themis::Code::invalid, "snapshot(path)");
    THEMIS_TRY(const auto built, themis::js::Snapshot::build());
    return built.write(arguments[0]);
  }();
  if (!written) std::fprintf(stderr, "snapshot: %s\n", written.error().text().c_str());
  info.GetReturnValue().Set(written ? 0 : 1);
}

}  // namespace

NODE_MODULE_INIT() {
  themis::js::set_platform(node::GetMultiIsolatePlatform(node::GetCurrentEnvironment(context)));
  NODE_SET_METHOD(exports, "run", run);
  NODE_SET_METHOD(exports, "snapshot", snapshot);
}
