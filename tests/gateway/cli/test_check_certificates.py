from datetime import timedelta
from pathlib import Path

from gateway.clock import SystemClock
from tests.gateway.cli.desk import House
from tests.gateway.console.test_staff_pages import make_certificate


def test_check_names_certificates_that_are_over_or_do_not_fit(empty: House, tmp_path: Path) -> None:
    now = SystemClock().now()
    made = {name: tmp_path / f"{name}.pem" for name in ("over", "soon", "fine")}
    for name, days in (("over", -1), ("soon", 10), ("fine", 200)):
        make_certificate(made[name], now + timedelta(days=days))
    as_before = empty.config.read_text()

    def with_lines(*lines: str) -> str:
        return "\n".join((as_before, *lines))

    broker = f'[broker.tls]\nenabled = true\nca = "{made["over"]}"\n'
    empty.config.write_text(with_lines(f'[http]\ncert = "{made["over"]}"\nkey = "{made["fine"]}"'))
    empty.run("check").is_bad_input(
        f"http.cert: {made['over']}: expected a certificate that is good; its time ends at "
    )
    empty.config.write_text(with_lines(f'[http]\ncert = "{made["fine"]}"\nkey = "{made["fine"]}"'))
    empty.run("check").is_bad_input(f"http.key: {made['fine']}: expected the key of http.cert")
    # of authorities another one in the file may count
    empty.config.write_text(with_lines(broker))
    ran = empty.run("check")
    assert (ran.code, "Warning: gateway.toml: broker.tls.ca: " in ran.err) == (0, True), ran.err
    empty.config.write_text(with_lines(broker.replace("over", "soon")))
    assert "expected one that was renewed" in empty.run("check").err
