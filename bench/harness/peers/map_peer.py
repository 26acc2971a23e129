"""A map by another tool: `python map_peer.py WAY VECTORS.npy SEED OUT.npy`; what the fit took is the last line."""

import json
import sys
import time

import numpy as np

way, vectors, seed, out = sys.argv[1:]
given = np.load(vectors)
if way == "umap-learn":
    import umap

    # A seed would keep it to one thread: its default is none.
    fit = umap.UMAP().fit_transform
elif way == "PaCMAP":
    import pacmap

    fit = pacmap.PaCMAP(random_state=int(seed)).fit_transform
elif way == "openTSNE":
    import openTSNE

    fit = openTSNE.TSNE(random_state=int(seed)).fit
else:
    import openTSNE

    def fit(values):
        """Lay out with uniform affinities of the 15 nearest, by cosine: the kin of our own method."""
        near = openTSNE.affinity.Uniform(values, k_neighbors=15, metric="cosine", random_state=int(seed))
        return openTSNE.TSNE(random_state=int(seed)).fit(affinities=near)


cpu, wall = time.process_time(), time.perf_counter()
xy = np.asarray(fit(given), dtype=np.float64)
taken = {"fit_cpu_s": time.process_time() - cpu, "fit_wall_s": time.perf_counter() - wall}
np.save(out, xy)
print(json.dumps(taken))
