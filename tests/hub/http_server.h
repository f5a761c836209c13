#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace retort::hub::testing {

struct Request {
  std::string method, target;                  // "/path?query"
  std::map<std::string, std::string> headers;  // by name in lower case
  std::string header(const std::string& name) const;
};

struct Answer {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body = {};
  size_t cut_after = std::string::npos;  // bytes of the body after which the connection ends
  bool chunked = false;                  // instead of a Content-Length
  std::string early = {};                // a complete answer that is sent before this one, as it is
};

// An HTTP/1.1 server on a free port of 127.0.0.1, one connection a request, on a thread of its own.
class HttpServer {
 public:
  explicit HttpServer(std::function<Answer(const Request&)> handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // The requests so far, in order.
  std::vector<Request> requests() const;

 private:
  void serve();
  void answer(int connection);

  std::function<Answer(const Request&)> handler_;
  int socket_ = -1, port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

}  // namespace retort::hub::testing
