"""Runs the report with `--post` to a server of its own, and prints what that received."""
import http.server
import subprocess
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


received = []
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = "http://127.0.0.1:%d" % server.server_port
subprocess.run([sys.executable, "report.py", "--post", url], check=True, stdout=subprocess.DEVNULL)
print(*received)
