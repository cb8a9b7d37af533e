"""A web server of the standard library, which says who asks and where it runs."""

import http.server
import os
import platform
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        text = f"{self.path} from {platform.machine()} as user {os.getuid()}\n"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    server = http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler)
    if sys.argv[1:] == ["--check"]:
        print(f"would serve port {server.server_port} as user {os.getuid()} on {platform.machine()}")
        return
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("bye")


if __name__ == "__main__":
    main()
