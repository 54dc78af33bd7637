"""Simulated oils follow their composition; downloads survive unreliable networks."""

import errno
import hashlib
import pickle
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import Bunch

from sklearn_spectral.datasets import (
    _oil_adulteration,
    _oil_blends,
    fetch_oil_adulteration,
    make_oil_blends,
)

QUIET = {"fluorescence": 0, "scatter": 0, "shift": 0, "noise": 0, "cosmic_rays": 0}


def test_heights_by_hand():
    """Of a blend of half olive, half sunflower oil, and of pure palm oil."""
    expected = {
        # Double bonds: olive 0.75 + 2 0.10 + 3 0.01 = 0.98, sunflower 0.24 + 2 0.65 = 1.54.
        "C=C stretch": (1655, 17, 7000 * 1.26, 7000 * 0.6),
        "=C-H in-plane bend": (1265, 22, 3500 * 1.26, 3500 * 0.6),
        # CH2 groups: olive 0.89 14 + 0.10 12 + 0.01 10 = 13.76, sunflower 0.35 14 + 0.65 12 = 12.7.
        "CH2 scissor": (1440, 32, 10000 * 13.23 / 14, 10000 * 13.8 / 14),
        "C=O stretch": (1747, 24, 1800, 1800),
        "C-C stretch 1065": (1065, 18, 1500 * 0.125, 1500 * 0.5),
        "carotenoid C=C stretch": (1525, 16, 1500 * 0.55, 1500 * 0.3),
    }
    x_axis = np.arange(900.0, 1900.0, 0.5)
    settings = {"n_replicates": 1, "variation": 0, "x_axis": x_axis, **QUIET}
    blend = make_oil_blends(1, percent_range=(50, 50), **settings)
    palm = make_oil_blends(1, oil="palm", adulterant=None, **settings)
    for name, (position, width, *heights) in expected.items():
        for oil, height in zip((blend, palm), heights, strict=True):
            part = oil.contributions[0, oil.band_names.index(name)]
            peak = 2 * (position - 900)
            assert part.argmax() == peak
            # The full height, and half of it half a width (as many points as its width) away.
            found = part[[peak - width, peak, peak + width]]
            np.testing.assert_allclose(found, [height / 2, height, height / 2], rtol=1e-6)


def test_a_data_set_prints_shapes():
    spectra = make_oil_blends(5, random_state=0)
    lines = repr(spectra).splitlines()
    assert lines[:2] == ["SpectraBunch", "data: ndarray, shape (10, 701)"]
    assert "band_names: list, length 13" in lines and len(lines) == 1 + len(spectra)
    assert isinstance(spectra, Bunch)
    loaded = pickle.loads(pickle.dumps(spectra))
    assert type(loaded) is Bunch and loaded.keys() == spectra.keys()
    np.testing.assert_array_equal(loaded.data, spectra.data)


def test_bands_and_background_add_up():
    spectra = make_oil_blends(5, noise=0, cosmic_rays=0, random_state=0)
    total = spectra.contributions.sum(axis=1, dtype=float) + spectra.background
    np.testing.assert_array_equal(total, spectra.data)
    assert spectra.contributions.dtype == np.float32
    assert spectra.contributions.shape == (10, len(spectra.band_names), 701)
    assert list(spectra.bands) == spectra.band_names
    assert spectra.bands["C=C stretch"] == (1655 - 17, 1655 + 17)
    assert (spectra.background > 0).all()
    noisy = make_oil_blends(5, cosmic_rays=0, random_state=0)
    np.testing.assert_array_equal(noisy.contributions, spectra.contributions)
    ratio = (noisy.data - total) / np.sqrt(total)
    assert 0.97 < ratio.std() < 1.03


def test_blends_are_linear_in_the_percentage():
    blends = make_oil_blends(4, n_replicates=1, variation=0, random_state=0, **QUIET)
    assert blends.marker_bands == [
        "=C-H out-of-plane bend",
        "carotenoid CH3 rock",
        "carotenoid C-C stretch",
        "=C-H in-plane bend",
        "carotenoid C=C stretch",
        "C=C stretch",
    ]
    slope = np.diff(blends.data, axis=0) / np.diff(blends.target)[:, None]
    np.testing.assert_allclose(slope, slope[[0]].repeat(3, axis=0), atol=1e-3)
    peak = np.abs(blends.x_axis - 1655).argmin()  # 0.56 more double bonds in 100 per cent
    assert slope[0, peak] == pytest.approx(70 * 0.56, rel=0.02)


def test_marker_bands_of_palm_include_saturated_acids():
    markers = make_oil_blends(2, adulterant="palm").marker_bands
    assert {"C-C stretch 1065", "C-C stretch 1120"} < set(markers)
    assert not {"CH2 scissor", "CH2 twist", "C=O stretch"} & set(markers)


def test_target_oil_and_groups():
    blends = make_oil_blends(
        6, adulterant=["corn", "palm"], percent_range=(5, 20), n_replicates=3, random_state=0
    )
    assert blends.oil.tolist() == (["corn"] * 3 + ["palm"] * 3) * 3
    assert blends.groups.tolist() == np.repeat(range(6), 3).tolist()
    assert 5 <= blends.target.min() < blends.target.max() <= 20
    per_sample = blends.target.reshape(6, 3)
    assert (per_sample == per_sample[:, :1]).all() and len(np.unique(per_sample)) == 6
    without = make_oil_blends(2, percent_range=(0, 0), n_replicates=1)
    assert without.oil.tolist() == ["olive", "olive"]
    # Two oils with two adulterants each: all four blends.
    pairs = make_oil_blends(
        4, oil=["olive", "rapeseed"], adulterant=["corn", "palm"], percent_range=(0, 0)
    )
    assert pairs.oil[::2].tolist() == ["olive", "olive", "rapeseed", "rapeseed"]


def test_pure_oils():
    pure = make_oil_blends(12, adulterant=None, n_replicates=1, random_state=0)
    assert pure.target.tolist() == list(_oil_blends.OILS) * 2
    assert pure.target is pure.oil
    X, y = make_oil_blends(12, adulterant=None, n_replicates=1, random_state=0, return_X_y=True)
    np.testing.assert_array_equal(X, pure.data)
    np.testing.assert_array_equal(y, pure.target)


def test_composition_varies_between_samples_only():
    oils = make_oil_blends(400, oil="olive", adulterant=None, random_state=0, **QUIET)
    by_sample = oils.data.reshape(400, 2, -1)
    np.testing.assert_array_equal(by_sample[:, 0], by_sample[:, 1])
    ester = oils.contributions[:, oils.band_names.index("C=O stretch")].max(axis=1)
    np.testing.assert_allclose(ester, ester[0], rtol=1e-6)  # shares add up to one
    rock = oils.contributions[::2, oils.band_names.index("carotenoid CH3 rock")].max(axis=1)
    assert np.log(rock).std() == pytest.approx(0.3, rel=0.15)
    saturated = oils.contributions[::2, oils.band_names.index("C-C stretch 1120")].max(axis=1)
    # One share scatters by 0.02, less 0.14 times the total of four, which is scaled to one.
    share = saturated / 1200
    sd = 0.02 * np.sqrt(0.86**2 + 3 * 0.14**2)
    assert share.std() == pytest.approx(sd, rel=0.15)


def test_size_of_each_disturbance():
    clean = make_oil_blends(300, variation=0, percent_range=(0, 0), random_state=0, **QUIET)

    def disturbed(**sizes):
        return make_oil_blends(
            300, variation=0, percent_range=(0, 0), random_state=0, **(QUIET | sizes)
        )

    factor = disturbed(scatter=0.2).data / clean.data
    np.testing.assert_allclose(factor, factor[:, :1].repeat(701, axis=1), rtol=1e-5)
    assert np.log(factor[:, 0]).std() == pytest.approx(0.2, rel=0.1)
    assert len(np.unique(factor[:, 0])) == 600  # of each spectrum, replicate or not

    moved = disturbed(shift=0.5).data
    slope = np.gradient(clean.data[0], clean.x_axis)
    steep = np.abs(slope).argmax()
    distance = (clean.data[:, steep] - moved[:, steep]) / slope[steep]
    assert distance.std() == pytest.approx(0.5, rel=0.1)

    background = disturbed(fluorescence=2.0).background
    np.testing.assert_allclose(disturbed(fluorescence=4.0).background, 2 * background)
    height = background.max(axis=1)
    assert np.median(height) == pytest.approx(20000, rel=0.1)
    assert np.log(height).std() == pytest.approx(0.5, rel=0.1)
    bleached = np.log(background[1::2, 0] / background[::2, 0])
    assert bleached.std() == pytest.approx(0.05 * np.sqrt(2), rel=0.1)
    scattered = disturbed(fluorescence=2.0, scatter=0.2).background
    np.testing.assert_allclose(scattered, factor[:, :1] * background, rtol=1e-5)

    noise = disturbed(noise=3.0).data - clean.data
    assert (noise / np.sqrt(clean.data)).std() == pytest.approx(3, rel=0.01)

    rays = disturbed(cosmic_rays=0.3).data - clean.data
    hit = (rays > 0).any(axis=1)
    assert hit.mean() == pytest.approx(0.3, abs=0.05)
    assert (rays >= 0).all()
    assert (rays > 0).sum(axis=1).max() == 2
    assert (rays[hit] > 0).sum() > 1.9 * hit.sum()  # two points but at the end of the axis
    edge = make_oil_blends(200, x_axis=[1654, 1656], **(QUIET | {"cosmic_rays": 1}))
    assert (edge.data > edge.contributions.sum(axis=1)).any(axis=1).all()
    assert (2000 <= rays.max(axis=1)[hit]).all() and (rays.max(axis=1) <= 30000).all()


def test_background_is_independent_of_the_target():
    blends = make_oil_blends(1000, n_replicates=1, random_state=0, scatter=0)
    assert abs(np.corrcoef(blends.target, blends.background.mean(axis=1))[0, 1]) < 0.1


def test_custom_axis():
    x_axis = np.arange(1800.0, 1200.0, -1.5)
    spectra = make_oil_blends(2, x_axis=x_axis, random_state=0)
    np.testing.assert_array_equal(spectra.x_axis, x_axis)
    np.testing.assert_array_equal([float(name) for name in spectra.feature_names], x_axis)
    assert spectra.band_names[0] == "=C-H in-plane bend"  # 1243 to 1287
    assert spectra.contributions.shape[1] == len(spectra.bands) == 6
    assert spectra.data.shape == (4, 400)


def test_random_state():
    before = np.random.get_state()
    first, again = (make_oil_blends(3, random_state=5) for _ in range(2))
    for name in ("data", "target", "contributions", "background"):
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first.data, make_oil_blends(3, random_state=6).data)
    rng = np.random.RandomState(5)
    np.testing.assert_array_equal(make_oil_blends(3, random_state=rng).data, first.data)
    for part, part_before in zip(np.random.get_state(), before, strict=True):
        np.testing.assert_array_equal(part, part_before)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples=0; expected a whole number from 1 on"),
        ({"n_replicates": 1.5}, "n_replicates=1.5; expected a whole number from 1 on"),
        ({"oil": "motor"}, r"oil=\['motor'\]; expected one or more different ones of \['olive'"),
        ({"adulterant": []}, r"adulterant=\[\]; expected one or more"),
        ({"adulterant": ["corn", "corn"]}, r"adulterant=\['corn', 'corn'\]; expected one or more"),
        ({"adulterant": "olive"}, r"\['olive'\] are both oil and adulterant"),
        ({"percent_range": (20, 5)}, r"percent_range=\(20, 5\); expected two per cents"),
        ({"percent_range": 20}, "percent_range=20; expected two per cents"),
        ({"percent_range": (0, 101)}, r"percent_range=\(0, 101\); expected two per cents"),
        ({"noise": -1}, "noise=-1; expected a number from 0 on"),
        ({"scatter": np.inf}, "scatter=inf; expected a number from 0 on"),
        ({"fluorescence": "high"}, "fluorescence='high'; expected a number from 0 on"),
        ({"cosmic_rays": 2}, "cosmic_rays=2; expected a share of spectra from 0 to 1"),
        ({"x_axis": [900, 800, 850]}, "x_axis is not strictly ascending or descending"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_oil_blends(**parameters)


LABELS = {  # columns as in the files: name of the sample, a class, per cent
    "Raman.xlsx": ("ID", "Sample", "Percent Contamination"),
    "FTIR.xlsx": ("Sample/Wavenumber (cm-1)", "Sample", "% Adulteration"),
    "HSI.xlsx": ("sample_id", "class_1", "class_2", "perc_adulter"),
    "UVVIS.xlsx": ("Brand", "Sample", "Classification", "% Adulteration "),
}
AXES = {
    "Raman.xlsx": [500, 501, 502, 503],
    "FTIR.xlsx": [470.5459, 474.4028, 3999.64],
    "HSI.xlsx": [938.94, 942.42, 1726.3],
    "UVVIS.xlsx": [200, 205, 800],
}
SAMPLES = {
    "Monini Classico EVO": 0,
    "98/2 Olive/Safflower": 2,
    "Olive Oil/Sunflower Oil 92/8": 8,
    "Bertolli EVO": 0,
    "Rapeseed": 100,
    "Oil of another plant": 100,
}


def write(path, name):
    """Write a small file of one technique's layout; return its spectra."""
    columns, axis = LABELS[name], AXES[name]
    names, percent = np.repeat(list(SAMPLES), 3), np.repeat(list(SAMPLES.values()), 3)
    spectra = np.random.RandomState(0).uniform(size=(len(names), len(axis)))
    spectra[10] = spectra[1]  # one of Bertolli is one of Monini
    frame = pd.DataFrame(spectra, columns=axis)
    kind = np.where(percent > 0, "Adulterated", "Pure")
    # Which column has the names differs from file to file.
    fill = {columns[0]: names if name != "UVVIS.xlsx" else "Shop", columns[1]: kind}
    if len(columns) == 4:
        fill[columns[2]] = names if name == "UVVIS.xlsx" else kind
    fill[columns[-1]] = percent
    for place, (column, values) in enumerate(fill.items()):
        frame.insert(place, column, values)
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        if name == "UVVIS.xlsx":  # the spectra are not on the first sheet
            pd.DataFrame({"a": [1]}).to_excel(writer, sheet_name="Notes", index=False)
            frame.to_excel(writer, sheet_name="Uv-Vis Raw Data", index=False)
        else:
            frame.to_excel(writer, index=False)
    return spectra


# Fatty acids: class, per cent, two acids. Of safflower oil two rows each, of sunflower oil one; no
# row names an oil.
ACIDS = [
    *[("Pure EVOO", 0, 78, 3), ("Pure EVOO", 0, 80, 5), ("Pure EVOO", 0, 82, 7)],
    *[("Adulterated", 100, 10, 80), ("Adulterated", 100, 12, 82), ("Adulterated", 100, 21, 70)],
    *[("Adulterated", 1, 79, 6), ("Adulterated", 1, 77, 6)],
    *[("Adulterated", 2, 78, 7), ("Adulterated", 2, 75, 8)],
    *[("Adulterated", 1, 79, 5), ("Adulterated", 8, 70, 9)],
]


def publish(server, monkeypatch, name):
    """Let the server have a small file of one technique, or of the fatty acids."""
    path = server.folder / name
    if name == "GC_MS.xlsx":
        columns = ["class_1", "perc_adulter", "cis-Oleic acid", "Linoleic acid "]
        pd.DataFrame(ACIDS, columns=columns).to_excel(path, sheet_name="%FAs", index=False)
    else:
        write(path, name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(_oil_adulteration.SHA256, name, digest)


class Server:
    """Serve a folder; `faults` lists what goes wrong in the first requests."""

    def __init__(self, folder):
        self.folder, self.faults, self.requests = folder, [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                fault = outer.faults.pop(0) if outer.faults else None
                content = (outer.folder / self.path.rpartition("/")[2]).read_bytes()
                if fault == "refused":
                    self.send_error(503)
                    return
                if fault == "dropped":
                    self.close_connection = True
                    return
                if fault == "babbled":  # not HTTP
                    self.wfile.write(b"hello\r\n")
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if fault == "truncated":
                    content = content[:100]
                self.wfile.write(content[::-1] if fault == "garbled" else content)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/"

    def stop(self):
        if self.thread.is_alive():
            self.http.shutdown()
            self.thread.join()
            self.http.server_close()


@pytest.fixture
def server(tmp_path, monkeypatch):
    folder = tmp_path / "source"
    folder.mkdir()
    server = Server(folder)
    for name in [*LABELS, "GC_MS.xlsx"]:
        publish(server, monkeypatch, name)
    monkeypatch.setattr(_oil_adulteration, "SOURCE", server.url)
    monkeypatch.setenv("no_proxy", "*")
    yield server
    server.stop()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "new" / "home"  # not there yet


def cached(home):
    return sorted(path.name for path in (home / "oil_adulteration").iterdir())


@pytest.mark.parametrize("technique", _oil_adulteration.TECHNIQUES)
def test_fetched_spectra(technique, server, home, tmp_path):
    name = _oil_adulteration.TECHNIQUES[technique][0]
    oils = fetch_oil_adulteration(technique, data_home=home)
    np.testing.assert_allclose(oils.data, write(tmp_path / name, name), rtol=1e-12)
    assert oils.target.tolist() == np.repeat([0.0, 2, 8, 0, 100, 100], 3).tolist()
    assert oils.target.dtype == float
    assert oils.sample_names.tolist() == np.repeat(list(SAMPLES), 3).tolist()
    others = ["olive", "safflower", "sunflower", "olive", "canola", "unknown"]
    assert oils.oil.tolist() == np.repeat(others, 3).tolist()
    # The third of the olive oils shares a spectrum with the first.
    assert oils.groups.tolist() == np.repeat([0, 1, 2, 0, 3, 4], 3).tolist()
    assert oils["sample"].tolist() == np.repeat(range(6), 3).tolist()
    series = ["olive 0", "safflower", "sunflower", "olive 0", "canola", "unknown"]
    assert oils.series.tolist() == np.repeat(series, 3).tolist()
    kinds = ["authentic", "adulterated", "adulterated", "authentic", "other", "other"]
    assert oils.kind.tolist() == np.repeat(kinds, 3).tolist()
    assert oils.unit == _oil_adulteration.TECHNIQUES[technique][3]
    assert oils.x_axis.tolist() == AXES[name]
    assert oils.feature_names == [str(value) for value in AXES[name]]
    assert server.url + name in oils.DESCR and f"18 {technique} spectra" in oils.DESCR
    assert "doi:10.3390/foods12030429" in oils.DESCR
    defects = oils.DESCR.partition("Known defects:\n- ")[2]
    assert "flavoured" in defects and "series" in defects
    assert ("reflectances" in defects) == (technique == "nir")
    assert "fatty_acids" not in oils
    X, y = fetch_oil_adulteration(technique, data_home=str(home), return_X_y=True)
    np.testing.assert_array_equal(X, oils.data)
    np.testing.assert_array_equal(y, oils.target)


@pytest.mark.parametrize("technique", _oil_adulteration.TECHNIQUES)
def test_techniques_in_any_capitals_and_as_the_files_are_called(technique, server, home):
    expected = fetch_oil_adulteration(technique, data_home=home)
    file = _oil_adulteration.TECHNIQUES[technique][0].removesuffix(".xlsx")
    for name in {technique.upper(), technique.title(), file, file.lower()}:
        oils = fetch_oil_adulteration(name, data_home=home)
        np.testing.assert_array_equal(oils.data, expected.data)
        assert oils.DESCR == expected.DESCR


def test_as_a_table(server, home):
    expected = fetch_oil_adulteration("ftir", data_home=home)
    oils = fetch_oil_adulteration("ftir", data_home=home, as_frame=True)
    assert list(oils.data.columns) == oils.feature_names
    assert [float(name) for name in oils.data.columns] == AXES["FTIR.xlsx"]
    np.testing.assert_array_equal(oils.data, expected.data)
    assert oils.target.name == "adulterant (%)"
    X, y = fetch_oil_adulteration("ftir", data_home=home, as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, oils.data)
    pd.testing.assert_series_equal(y, oils.target)


def test_fatty_acids_are_means_of_an_oil_at_a_percentage(server, home, monkeypatch):
    """By hand; canola, and the oil without a name, are not in the file of the acids."""
    monkeypatch.setitem(SAMPLES, "Safflower Oil", 100)
    monkeypatch.setitem(SAMPLES, "Sunflower Oil", 100)
    publish(server, monkeypatch, "Raman.xlsx")
    oils = fetch_oil_adulteration("raman", data_home=home, fatty_acids=True)
    assert list(oils.fatty_acids) == ["cis-Oleic acid", "Linoleic acid"]
    olive, unknown = [80, 5], [np.nan, np.nan]
    expected = [olive, [76.5, 7.5], [70, 9], olive, unknown, unknown, [11, 81], [21, 70]]
    np.testing.assert_allclose(oils.fatty_acids, np.repeat(expected, 3, axis=0))
    assert list(oils.fatty_acids.index) == list(range(24))
    assert server.requests == ["/Raman.xlsx", "/GC_MS.xlsx"]


def test_default_home_and_pinned_source(server, home, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home))
    fetch_oil_adulteration()
    assert cached(home) == ["Raman.npz", "Raman.xlsx"]
    monkeypatch.undo()
    assert _oil_adulteration.SOURCE.endswith("/DNMalavi/ML_Oil_Fraud_Project/ff2870520521/")
    files = {name for name, *_ in _oil_adulteration.TECHNIQUES.values()}
    assert files | {_oil_adulteration.FATTY_ACIDS[0]} == set(_oil_adulteration.SHA256)


def test_second_call_needs_no_server(server, home):
    first = fetch_oil_adulteration(data_home=home)
    server.stop()
    for download in (True, False):
        again = fetch_oil_adulteration(data_home=home, download_if_missing=download)
        np.testing.assert_array_equal(again.data, first.data)
    assert server.requests == ["/Raman.xlsx"]


@pytest.fixture
def parsed(monkeypatch):
    """The files that are parsed from now on."""
    read, names = pd.read_excel, []
    monkeypatch.setattr(
        pd, "read_excel", lambda path, **how: names.append(path) or read(path, **how)
    )
    return names


def assert_same(oils, expected):
    assert list(oils) == list(expected)
    for name in expected:
        np.testing.assert_array_equal(oils[name], expected[name])
        assert np.asarray(oils[name]).dtype == np.asarray(expected[name]).dtype


def test_files_are_parsed_once(server, home, parsed):
    first = fetch_oil_adulteration("nir", data_home=home, fatty_acids=True)
    assert_same(fetch_oil_adulteration("nir", data_home=home, fatty_acids=True), first)
    assert [path.name for path in parsed] == ["HSI.xlsx", "GC_MS.xlsx"]
    with np.load(home / "oil_adulteration" / "HSI.npz", allow_pickle=False) as copy:
        assert copy["numbers"].shape == (18, 4)


@pytest.mark.parametrize("spoiled", ["cut", "flipped", "empty", "text", "another file", "a folder"])
def test_a_spoiled_copy_is_made_again(spoiled, server, home, parsed):
    first = fetch_oil_adulteration(data_home=home)
    copy = home / "oil_adulteration" / "Raman.npz"
    content = copy.read_bytes()
    place = content.index(b"numbers.npy") + 200  # within the spectra
    flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    if spoiled == "another file":
        np.savez(copy, sha256="0" * 64, labels=[["x"]], names=["0"], numbers=[[0.0]])
    elif spoiled == "a folder":
        copy.unlink()
        copy.mkdir()
    else:
        how = {"cut": content[:-100], "flipped": flipped, "empty": b"", "text": b"spectra"}
        copy.write_bytes(how[spoiled])
    for _ in range(2):
        assert_same(fetch_oil_adulteration(data_home=home), first)
    assert len(parsed) == (3 if spoiled == "a folder" else 2)


def test_a_copy_that_cannot_be_written_is_done_without(server, home, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_oil_adulteration, "write", full)
    first = fetch_oil_adulteration(data_home=home)
    assert cached(home) == ["Raman.xlsx"]
    assert_same(fetch_oil_adulteration(data_home=home), first)


@pytest.mark.parametrize("fault", ["refused", "dropped", "babbled", "truncated", "garbled"])
def test_one_failed_attempt(fault, server, home):
    server.faults = [fault]
    assert fetch_oil_adulteration(data_home=home, n_retries=1, delay=0).data.shape == (18, 4)
    assert len(server.requests) == 2
    assert cached(home) == ["Raman.npz", "Raman.xlsx"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("refused", "503"),
        ("dropped", "closed connection"),
        ("truncated", "retrieval incomplete"),
        ("garbled", "differs from expected"),
    ],
)
def test_every_attempt_failed(fault, reason, server, home):
    server.faults = [fault] * 5
    with pytest.raises(OSError, match=rf"in 3 attempt\(s\): .*{reason}") as caught:
        fetch_oil_adulteration(data_home=home, n_retries=2, delay=0)
    assert len(server.requests) == 3
    assert cached(home) == []  # no partial file is left
    assert server.url + "Raman.xlsx" in str(caught.value)
    assert f"put it at {home / 'oil_adulteration' / 'Raman.xlsx'}" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_no_network(server, home, monkeypatch):
    server.stop()
    waits = []
    monkeypatch.setattr(_oil_adulteration.time, "sleep", waits.append)
    with pytest.raises(OSError, match=r"(?s)Could not download .* Connect to the internet"):
        fetch_oil_adulteration(data_home=home, n_retries=2, delay=0.5)
    assert waits == [0.5, 0.5]


@pytest.mark.parametrize("download", [True, False])
@pytest.mark.parametrize("in_the_way", ["a directory", "a file", "a file above"])
def test_what_is_in_the_way_of_a_file_is_named(in_the_way, download, server, home):
    folder = home / "oil_adulteration"
    if in_the_way == "a directory":
        (folder / "Raman.xlsx").mkdir(parents=True)
        advice = "Move the directory away"
    else:
        place = folder if in_the_way == "a file" else home
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("notes", encoding="utf-8")
        advice = "Move away the file that is in the place of a folder"
    if in_the_way == "a file" and not download:
        advice = "is missing. Pass download_if_missing=True"
    with pytest.raises(OSError, match=advice) as caught:
        fetch_oil_adulteration(data_home=home, download_if_missing=download, delay=0)
    assert "internet" not in str(caught.value) and str(home) in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (
            errno.EACCES,
            "Give yourself the permission to read and write there, or pass",
        ),
        (errno.EROFS, "Nothing can be written there, or pass another data_home"),
        (errno.ENOSPC, "Make room on the disk, or pass another data_home"),
        (errno.EDQUOT, "Make room on the disk, or pass another data_home"),
    ],
)
def test_disks_that_refuse_are_not_tried_again(number, advice, home, monkeypatch):
    calls = []

    def fetch_file(*args, **kwargs):
        calls.append(args)
        raise OSError(number, "refused")

    monkeypatch.setattr(_oil_adulteration, "fetch_file", fetch_file)
    with pytest.raises(
        OSError, match=f"Raman.xlsx cannot be kept in .*refused. {advice}"
    ) as caught:
        fetch_oil_adulteration(data_home=home, delay=0)
    assert len(calls) == 1
    assert "internet" not in str(caught.value) and str(home) in str(caught.value)


def test_without_download(server, home):
    with pytest.raises(OSError, match=r"Raman.xlsx is missing. Pass download_if_missing=True"):
        fetch_oil_adulteration(data_home=home, download_if_missing=False)
    path = home / "oil_adulteration" / "Raman.xlsx"
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    with pytest.raises(OSError, match=r"Raman.xlsx is damaged. Pass download_if_missing=True"):
        fetch_oil_adulteration(data_home=home, download_if_missing=False)
    assert server.requests == []
    # Put there by hand.
    path.write_bytes((server.folder / "Raman.xlsx").read_bytes())
    fetch_oil_adulteration(data_home=home, download_if_missing=False)


def test_damaged_file_is_downloaded_again(server, home):
    fetch_oil_adulteration(data_home=home)
    path = home / "oil_adulteration" / "Raman.xlsx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="differs from expected"):
        fetch_oil_adulteration(data_home=home)
    assert path.read_bytes() == (server.folder / "Raman.xlsx").read_bytes()
    assert len(server.requests) == 2


def test_without_openpyxl(monkeypatch, home):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-spectral\[datasets\]"'):
        fetch_oil_adulteration(data_home=home)
    assert not home.exists()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"technique": "nmr"}, r"technique='nmr'; expected one of \['raman', 'ftir'"),
        ({"n_retries": -1}, "n_retries=-1; expected a whole number from 0 on"),
        ({"delay": -1}, "delay=-1; expected seconds, from 0 on"),
    ],
)
def test_bad_parameters_of_a_download(parameters, message, home):
    with pytest.raises(ValueError, match=message):
        fetch_oil_adulteration(data_home=home, **parameters)
