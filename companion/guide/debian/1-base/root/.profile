export HOME=/root
